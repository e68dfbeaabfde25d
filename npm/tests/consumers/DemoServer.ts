import { startServer, type StartedServer } from '../../../server/tests/clients/node/server.mjs'

const PUBLISH_KEY = 'a key for back ends'

/** `samewire-server --demo` for pages of any origin. */
export class DemoServer {
  readonly #server: StartedServer

  private constructor(server: StartedServer) {
    this.#server = server
  }

  static async start(): Promise<DemoServer> {
    return new DemoServer(await startServer({ flags: ['--demo'], env: { JWT_SECRET: undefined, PUBLISH_KEY, CORS_ORIGIN: '*' } }))
  }

  get url(): string {
    return `http://localhost:${new URL(this.#server.url).port}`
  }

  /** Publishes an event, as a back end does. */
  async publish(room: string, event: string, data: unknown): Promise<void> {
    const headers = { 'content-type': 'application/json', 'x-api-key': PUBLISH_KEY }
    const response = await fetch(`${this.url}/api/publish`, { method: 'POST', headers, body: JSON.stringify({ room, event, data }) })
    if (!response.ok) throw new Error(`publishing was answered by ${response.status}: ${await response.text()}`)
  }

  async dispose(): Promise<void> {
    await this.#server.stop()
  }
}
