import type { Client } from 'samewire'

/** What the server refused, and what there is now where somebody else was faster. */
export class CallRefused extends Error {
  constructor(
    message: string,
    readonly code: string | undefined,
    readonly current: unknown,
  ) {
    super(message)
  }
}

/** Calls the server's API with a body of JSON. */
export async function call<Answer>(client: Client, method: 'POST' | 'PUT' | 'PATCH', path: string, body: unknown): Promise<Answer> {
  const answer = await client.fetch(`api/${path}`, { method, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
  const said = (await answer.json()) as { code?: string; detail?: string; current?: unknown }
  if (!answer.ok) throw new CallRefused(said.detail ?? `It was answered with ${answer.status}.`, said.code, said.current)
  return said as Answer
}
