import { SamewireError } from '../error.js'
import type { Client } from '../types.js'

/** Pages of a list that are read at most, the first ones, where nothing else is said. */
const MOST_PAGES = 20

/**
 * Calls the server by HTTP and reads its answer.
 *
 * Rejects with a {@link SamewireError}: by the server's code where it refuses (RFC 9457).
 */
export async function call<Answer>(client: Client, path: string, init?: RequestInit): Promise<Answer> {
  const response = await client.fetch(path, init)
  if (response.ok) return (await response.json()) as Answer
  const { code, detail, retryAfterMs } = await problemIn(response)
  const retryable = response.status >= 500 || response.status === 429
  throw new SamewireError(code ?? 'CONNECT_FAILED', detail ?? `${path} was answered with ${response.status}`, retryable, retryAfterMs)
}

/** Reads a list, page by page. `first` is what the first page says besides. */
export async function callForList<Item, First extends object = object>(
  client: Client,
  path: string,
  name: string,
  signal: AbortSignal,
  pages = MOST_PAGES,
): Promise<{ items: Item[]; first: First }> {
  type Page = First & { next?: string } & Record<string, unknown>
  const first = await call<Page>(client, path, { signal })
  const items = [...(first[name] as Item[])]
  let next = first.next
  for (let page = 1; next !== undefined && page < pages; page += 1) {
    const further = await call<Page>(client, `${path}?after=${encodeURIComponent(next)}`, { signal })
    items.push(...(further[name] as Item[]))
    next = further.next
  }
  return { items, first }
}

interface Problem {
  code?: string
  detail?: string
  retryAfterMs?: number
}

/** What is between us and the server may answer, too, and says nothing of the kind. */
async function problemIn(response: Response): Promise<Problem> {
  const isProblem = response.headers.get('Content-Type')?.includes('json')
  return isProblem ? ((await response.json()) as Problem) : {}
}
