import { spawn, type ChildProcess } from 'node:child_process'
import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/** The server's program. */
export const PROGRAM = process.env.SAMEWIRE_SERVER ?? fileURLToPath(new URL('../../../target/release/samewire-server', import.meta.url))
const SECRET = 'a secret of the tests, 32 bytes or more'
const PUBLISH_KEY = 'a key for back ends'
const WEBHOOK_SECRET = 'a secret of platforms, 32 bytes or more'

/** How long a server may take to start, in milliseconds. */
const START = 20_000

/** What `POST /api/publish` takes. */
export interface Publication {
  room: string
  event: string
  data: unknown
}

/** `samewire-server` with limits that are in nobody's way. */
export class RealServer {
  readonly #folder: string
  #process: ChildProcess | undefined
  #port = 0

  private constructor(folder: string) {
    this.#folder = folder
  }

  static async start(): Promise<RealServer> {
    const server = new RealServer(await mkdtemp(join(tmpdir(), 'samewire-')))
    await server.start()
    return server
  }

  get port(): number {
    return this.#port
  }

  get url(): string {
    return `http://localhost:${this.#port}`
  }

  /** Starts it, at the port that it had before. */
  async start(): Promise<void> {
    const child = spawn(PROGRAM, [], {
      env: {
        RUST_LOG: 'error',
        ...process.env,
        JWT_SECRET: SECRET,
        PUBLISH_KEY,
        WEBHOOK_SECRET,
        MEDIA_DIR: join(this.#folder, 'media'),
        PORT: String(this.#port),
        CORS_ORIGIN: '*',
        DATABASE_URL: `sqlite://${join(this.#folder, 'samewire.db')}`,
        RATE_LIMIT_MAX: '1000000',
        CONNECTIONS_PER_SECOND: '1000',
        LOG_EVENTS: '1000000',
        LOG_BYTES: '1GiB',
        PING_INTERVAL: '1s',
        PING_TIMEOUT: '2s',
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    this.#process = child
    const failed = once(child, 'exit').then(([code]) => Promise.reject(new Error(`the server ended with ${code}`)))
    // Its end is only of interest while it starts.
    failed.catch(() => {})
    const late = setTimeout(() => child.kill('SIGKILL'), START)
    this.#port = await Promise.race([failed, portOf(child)])
    clearTimeout(late)
  }

  /** Ends it as a crash would. */
  async kill(): Promise<void> {
    const child = this.#process
    this.#process = undefined
    if (!child || child.exitCode !== null) return
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
  }

  async dispose(): Promise<void> {
    await this.kill()
    await rm(this.#folder, { recursive: true })
  }

  /** Publishes events, at most 1,000, as a back end does. */
  async publish(...batch: Publication[]): Promise<void> {
    const response = await fetch(`${this.url}/api/publish`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-api-key': PUBLISH_KEY },
      body: JSON.stringify({ batch }),
    })
    if (!response.ok) throw new Error(`publishing was answered by ${response.status}: ${await response.text()}`)
  }

  /** Brings a message, as a platform does. */
  async bring(platform: string, message: object): Promise<void> {
    const body = JSON.stringify(message)
    const signature = createHmac('sha256', WEBHOOK_SECRET).update(body).digest('hex')
    const headers = { 'content-type': 'application/json', 'x-signature-256': `sha256=${signature}` }
    const response = await fetch(`${this.url}/api/webhooks/${platform}`, { method: 'POST', headers, body })
    if (!response.ok) throw new Error(`the webhook was answered by ${response.status}: ${await response.text()}`)
  }

  /** The offset of the last event in a room's log. */
  async offset(room: string): Promise<number> {
    return (await this.#room(room)).position.offset
  }

  /** How many connections are in a room. */
  async connectionsIn(room: string): Promise<number> {
    return (await this.#room(room)).connections
  }

  async #room(room: string): Promise<{ connections: number; position: { offset: number } }> {
    const response = await fetch(`${this.url}/api/rooms/${encodeURIComponent(room)}`, { headers: { 'x-api-key': PUBLISH_KEY } })
    return (await response.json()) as { connections: number; position: { offset: number } }
  }
}

/** A user's token. */
export function tokenOf(sub: string): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const exp = Math.floor(Date.now() / 1000) + 3600
  const head = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ sub, exp })}`
  return `${head}.${createHmac('sha256', SECRET).update(head).digest('base64url')}`
}

/** The port that the server says it listens at. */
export function portOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve) => {
    createInterface({ input: child.stdout! }).on('line', (line) => {
      const found = /listening on http:\S+:(\d+)/.exec(line)
      if (found) resolve(Number(found[1]))
    })
  })
}
