import { createHmac } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { ownHost, startServer, type StartedServer } from '../../../server/tests/clients/node/server.mjs'

const SECRET = 'a secret of the tests, 32 bytes or more'
const PUBLISH_KEY = 'a key for back ends'
const WEBHOOK_SECRET = 'a secret of platforms, 32 bytes or more'

/** Limits that are in nobody's way. */
const SETTINGS = {
  JWT_SECRET: SECRET,
  PUBLISH_KEY,
  WEBHOOK_SECRET,
  CORS_ORIGIN: '*',
  RATE_LIMIT_MAX: '1000000',
  CONNECTIONS_PER_SECOND: '1000',
  LOG_EVENTS: '1000000',
  LOG_BYTES: '1GiB',
}

/** What `POST /api/publish` takes. */
export interface Publication {
  room: string
  event: string
  data: unknown
}

/** `samewire-server` with limits that are in nobody's way, which outlasts a crash. */
export class RealServer {
  readonly #settings: Record<string, string>
  #server: StartedServer
  #runs = true

  private constructor(settings: Record<string, string>, server: StartedServer) {
    this.#settings = settings
    this.#server = server
  }

  /** Starts one, with further settings. */
  static async start(settings: Record<string, string> = {}): Promise<RealServer> {
    // Nobody else is given its port while it is down.
    const all = { ...SETTINGS, HOST: ownHost(), ...settings }
    return new RealServer(all, await startServer({ env: all }))
  }

  get url(): string {
    return this.#server.url
  }

  /** Ends it as a crash would. */
  async kill(): Promise<void> {
    if (this.#runs) await this.#server.end('SIGKILL')
    this.#runs = false
  }

  /** Starts it again, where it was and with what it had stored. */
  async startAgain(): Promise<void> {
    const { port } = new URL(this.url)
    this.#server = await startServer({ env: { ...this.#settings, PORT: port }, database: this.#server.database })
    this.#runs = true
  }

  async dispose(): Promise<void> {
    await this.kill()
    await rm(this.#server.database, { recursive: true })
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
