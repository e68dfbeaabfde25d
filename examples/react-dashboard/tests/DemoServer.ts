import { rm } from 'node:fs/promises'
import { resolve } from 'node:path'
import { ownHost, startServer, type StartedServer } from '../../../server/tests/clients/node/server.mjs'
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
    // Nobody else is given its port while it is down.
    return new DemoServer(await start({ HOST: ownHost(), ...settings }))
  }

  get url(): string {
    return `${this.#server.url}/`
  }

  /** Asks the server to end, as a deployment does, and resolves when it has. */
  async stop(): Promise<void> {
    if (this.#runs) await this.#server.end('SIGTERM')
    this.#runs = false
  }

  /** Starts it again, where it was and with what it had stored. */
  async startAgain(): Promise<void> {
    const { hostname, port } = new URL(this.#server.url)
    this.#server = await start({ HOST: hostname, PORT: port }, this.#server.database)
    this.#runs = true
  }

  async dispose(): Promise<void> {
    await this.stop()
    await rm(this.#server.database, { recursive: true })
  }
}

function start(settings: Record<string, string>, database?: string): Promise<StartedServer> {
  return startServer({
    ...(database && { database }),
    flags: ['--demo', '--app', APP],
    env: { JWT_SECRET: undefined, WEBHOOK_SECRET, PUBLISH_KEY, ...settings },
  })
}
