/** The server's HTTP calls, answered by what a test says. */

import { SamewireError } from '../error.js'

/** A call, as the function that answers it is given it. */
export interface TestRequest {
  method: string
  /** The path's parts that stand for something: `{id}` is `params.id`. */
  params: Record<string, string>
  query: URLSearchParams
  /** What was sent: read where it is JSON, else as it was given. */
  body: unknown
  userId: string
}

/** Gives what is sent back as JSON, or a `Response`; throws a {@link SamewireError} to refuse. */
export type RequestHandler = (request: TestRequest) => unknown

/** The statuses of those codes that tests refuse by; of others it is 400. */
const STATUSES: Record<string, number> = {
  UNAUTHENTICATED: 401,
  TOKEN_EXPIRED: 401,
  TOKEN_INVALID: 401,
  ACCESS_DENIED: 403,
  UNAUTHORIZED: 403,
  PROJECT_ACCESS_DENIED: 403,
  NOT_FOUND: 404,
  PROJECT_NOT_FOUND: 404,
  CONFLICT: 409,
  PROJECT_INACTIVE: 409,
  RATE_LIMIT_EXCEEDED: 429,
  UNAVAILABLE: 503,
  INTERNAL: 500,
}

export class Routes {
  readonly #routes: { method: string; pattern: RegExp; handler: RequestHandler }[] = []

  /** `route` is written as in the documentation: `GET /api/stories/{id}`. The newest one of a route counts. */
  add(route: string, handler: RequestHandler): void {
    const [method = '', path = ''] = route.split(' ')
    const pattern = new RegExp(`^${path.replace(/\{(\w+)\}/g, '(?<$1>[^/]+)')}$`)
    this.#routes.unshift({ method, pattern, handler })
  }

  async answer(url: URL, { method = 'GET', body }: RequestInit, userId: string): Promise<Response> {
    try {
      for (const route of this.#routes) {
        const match = route.method === method ? route.pattern.exec(url.pathname) : null
        if (!match) continue
        const params = Object.fromEntries(Object.entries(match.groups ?? {}).map(([name, part]) => [name, decodeURIComponent(part)]))
        const answer = await route.handler({ method, params, query: url.searchParams, body: read(body), userId })
        return answer instanceof Response ? answer : json(answer ?? {}, 200)
      }
      throw new SamewireError('NOT_FOUND', `no test answers ${method} ${url.pathname}: onRequest does`)
    } catch (error) {
      return problem(error)
    }
  }
}

/** A refusal as the server writes it (RFC 9457). */
export function problem(error: unknown): Response {
  const { code, message, retryAfterMs } = refusal(error)
  const status = STATUSES[code] ?? 400
  return json({ title: code, status, detail: message, code, ...(retryAfterMs !== undefined && { retryAfterMs }) }, status, 'application/problem+json')
}

/** What a handler threw, as a refusal. */
export function refusal(error: unknown): SamewireError {
  return error instanceof SamewireError ? error : new SamewireError('INTERNAL', error instanceof Error ? error.message : String(error))
}

function json(value: unknown, status: number, type = 'application/json'): Response {
  return new Response(JSON.stringify(value), { status, headers: { 'Content-Type': type } })
}

function read(body: unknown): unknown {
  if (typeof body !== 'string') return body ?? undefined
  try {
    return JSON.parse(body)
  } catch {
    return body
  }
}
