/** Waits between tries while the server is away, in milliseconds; the last again and again. */
const RETRY_DELAYS = [250, 500, 1_000, 2_000]

/** The server understood, and refused: asking again would change nothing. */
export class Refused extends Error {
  constructor(
    message: string,
    readonly status: number,
  ) {
    super(message)
  }
}

/** How a request is made: by the browser, or by a client, which adds its token. */
type Fetch = (path: string, init: RequestInit) => Promise<Response>

/** Asks the server until it answers, so that a restart of the server is waited out. */
export async function request(path: string, init: RequestInit & { signal: AbortSignal }, fetch: Fetch = globalThis.fetch): Promise<Response> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await requestOnce(path, init, fetch)
    } catch (error) {
      if (error instanceof Refused || init.signal.aborted) throw error
      await delay(RETRY_DELAYS[attempt] ?? RETRY_DELAYS.at(-1)!, init.signal)
    }
  }
}

async function requestOnce(path: string, init: RequestInit, fetch: Fetch): Promise<Response> {
  const answer = await fetch(path, init)
  if (answer.ok) return answer
  const message = `${path} was answered with ${answer.status}`
  throw answer.status < 500 && answer.status !== 429 ? new Refused(message, answer.status) : new Error(message)
}

function delay(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds)
    signal.addEventListener('abort', () => (clearTimeout(timer), reject(signal.reason)), { once: true })
  })
}
