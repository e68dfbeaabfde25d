import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { WEBHOOK_SECRET } from './platform'

const PROGRAM = process.env.SAMEWIRE_SERVER ?? resolve('../../target/debug/samewire-server')
const APP = process.env.SAMEWIRE_APP ?? resolve('dist')

/** How long a server may take to answer, and to end, in milliseconds. */
const PATIENCE = 20_000

/** `samewire-server --demo` with a port and a database of its own, which outlast a restart. */
export class DemoServer {
  readonly url: string
  readonly #port: number
  readonly #folder: string
  #process: ChildProcess | undefined

  private constructor(port: number, folder: string) {
    this.url = `http://localhost:${port}/`
    this.#port = port
    this.#folder = folder
  }

  static async start(): Promise<DemoServer> {
    const server = new DemoServer(await freePort(), await mkdtemp(join(tmpdir(), 'samewire-')))
    await server.start()
    return server
  }

  /** Resolves when the server is well. */
  async start(): Promise<void> {
    const { JWT_SECRET: _, ...env } = process.env
    const child = spawn(PROGRAM, ['--demo', '--port', String(this.#port), '--app', APP], {
      env: {
        RUST_LOG: 'warn',
        ...env,
        WEBHOOK_SECRET,
        MEDIA_DIR: join(this.#folder, 'media'),
        DATABASE_URL: `sqlite://${join(this.#folder, 'demo.db')}`,
      },
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    this.#process = child
    const failed = new Promise<never>((_, reject) => {
      child.once('error', reject)
      child.once('exit', (code) => reject(new Error(`the server ended with ${code}`)))
    })
    // Its end is only of interest while it starts.
    failed.catch(() => {})
    await Promise.race([failed, this.#healthy()])
  }

  /** Asks the server to end, as a deployment does, and resolves when it has. */
  async stop(): Promise<void> {
    const child = this.#process
    this.#process = undefined
    if (!child || child.exitCode !== null) return
    const ended = once(child, 'exit', { signal: AbortSignal.timeout(PATIENCE) })
    child.kill('SIGTERM')
    await ended
  }

  async dispose(): Promise<void> {
    await this.stop()
    await rm(this.#folder, { recursive: true })
  }

  async #healthy(): Promise<void> {
    const deadline = AbortSignal.timeout(PATIENCE)
    for (;;) {
      const answer = await fetch(`${this.url}health`, { signal: deadline }).catch((error: Error) => error)
      if (answer instanceof Response && answer.ok) return
      deadline.throwIfAborted()
      await new Promise((resolve) => setTimeout(resolve, 25))
    }
  }
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, 'localhost')
  await once(probe, 'listening')
  const { port } = probe.address() as AddressInfo
  probe.close()
  await once(probe, 'close')
  return port
}
