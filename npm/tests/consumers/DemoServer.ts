import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { PROGRAM, portOf } from '../browser/RealServer.js'

const PUBLISH_KEY = 'a key for back ends'

/** `samewire-server --demo` for pages of any origin. */
export class DemoServer {
  readonly url: string
  readonly #process: ChildProcess

  private constructor(url: string, process: ChildProcess) {
    this.url = url
    this.#process = process
  }

  static async start(): Promise<DemoServer> {
    const env = { RUST_LOG: 'error', ...process.env, PORT: '0', PUBLISH_KEY, CORS_ORIGIN: '*', CONNECTIONS_PER_SECOND: '1000' }
    const child = spawn(PROGRAM, ['--demo'], { env, stdio: ['ignore', 'pipe', 'inherit'] })
    const failed = once(child, 'exit').then(([code]) => Promise.reject(new Error(`the server ended with ${code}`)))
    failed.catch(() => {})
    return new DemoServer(`http://localhost:${await Promise.race([failed, portOf(child)])}`, child)
  }

  /** Publishes an event, as a back end does. */
  async publish(room: string, event: string, data: unknown): Promise<void> {
    const headers = { 'content-type': 'application/json', 'x-api-key': PUBLISH_KEY }
    const response = await fetch(`${this.url}/api/publish`, { method: 'POST', headers, body: JSON.stringify({ room, event, data }) })
    if (!response.ok) throw new Error(`publishing was answered by ${response.status}: ${await response.text()}`)
  }

  async dispose(): Promise<void> {
    const ended = once(this.#process, 'exit')
    this.#process.kill('SIGTERM')
    await ended
  }
}
