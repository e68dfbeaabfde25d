import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const PROGRAM = process.env.SAMEWIRE_SERVER ?? fileURLToPath(new URL('../../../target/release/samewire-server', import.meta.url))
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
    const address = new Promise<string>((resolve) => {
      createInterface({ input: child.stdout }).on('line', (line) => {
        const found = /listening on http:\/\/\S+:(\d+)/.exec(line)
        if (found) resolve(`http://localhost:${found[1]}`)
      })
    })
    return new DemoServer(await Promise.race([failed, address]), child)
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
