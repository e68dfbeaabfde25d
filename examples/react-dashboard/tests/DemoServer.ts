import { rm } from 'node:fs/promises'
import { resolve } from 'node:path'
import { startServer, type StartedServer } from '../../../server/tests/clients/node/server.mjs'
import { PUBLISH_KEY, WEBHOOK_SECRET } from './platform'

const APP = process.env.SAMEWIRE_APP ?? resolve('dist')

/** `samewire-server --demo` with a database of its own, which outlasts a restart. */
export class DemoServer {
  #server: StartedServer
  #runs = true

  private constructor(server: StartedServer) {
    this.#server = server
  }

  static async start(settings: Record<string, string> = {}): Promise<DemoServer> {
    return new DemoServer(await start(settings))
  }

  get url(): string {
    return `http://localhost:${this.#port}/`
  }

  /** Asks the server to end, as a deployment does, and resolves when it has. */
  async stop(): Promise<void> {
    if (this.#runs) await this.#server.end('SIGTERM')
    this.#runs = false
  }

  /** Starts it again, where it was and with what it had stored. */
  async startAgain(): Promise<void> {
    this.#server = await start({ PORT: this.#port }, this.#server.database)
    this.#runs = true
  }

  async dispose(): Promise<void> {
    await this.stop()
    await rm(this.#server.database, { recursive: true })
  }

  get #port(): string {
    return new URL(this.#server.url).port
  }
}

function start(settings: Record<string, string>, database?: string): Promise<StartedServer> {
  return startServer({
    ...(database && { database }),
    flags: ['--demo', '--app', APP],
    env: { JWT_SECRET: undefined, WEBHOOK_SECRET, PUBLISH_KEY, ...settings },
  })
}
