import { execFile, spawn, type ChildProcess, type ChildProcessByStdio } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { extname, join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
const PACKAGE = fileURLToPath(new URL('../..', import.meta.url))
const TEMPLATES = fileURLToPath(new URL('templates', import.meta.url))

/** No npm of ours speaks to the one that is called: workspaces and the like are the repository's own. */
const ENVIRONMENT = Object.fromEntries(
  Object.entries({ ...process.env, NEXT_TELEMETRY_DISABLED: '1', NO_COLOR: '1', CI: '1' }).filter(([name]) => !/^npm_(?!config_(registry|cache|cafile))/i.test(name) && name !== 'NODE_ENV'),
)

const TYPES: Record<string, string> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.wasm': 'application/wasm',
}

/** Packs the package; gives the tarball's path. */
export async function pack(into: string): Promise<string> {
  const { stdout } = await run('npm', ['pack', '--silent', '--pack-destination', into], { cwd: PACKAGE, env: ENVIRONMENT })
  return join(into, stdout.trim().split('\n').at(-1)!)
}

/** A folder outside of the repository, in which the tarball is installed. */
export class Consumer {
  readonly #ends: (() => unknown)[] = []

  private constructor(readonly folder: string) {}

  /** Installs what its template asks for, and the tarball. */
  static async install(template: string, tarball: string): Promise<Consumer> {
    const consumer = await Consumer.empty()
    await cp(template.includes('/') ? template : join(TEMPLATES, template), consumer.folder, { recursive: true })
    await consumer.add(tarball)
    return consumer
  }

  static async empty(): Promise<Consumer> {
    return new Consumer(await mkdtemp(join(tmpdir(), 'samewire-consumer-')))
  }

  /** Installs a package besides what `package.json` names. */
  async add(name: string, within = ''): Promise<void> {
    await this.run('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', name], within)
  }

  /** Runs a program to its end; what it printed. Throws, with that, where it fails. */
  async run(program: string, args: string[], within = '', further: Record<string, string> = {}): Promise<string> {
    try {
      const { stdout } = await run(program, args, { cwd: join(this.folder, within), env: { ...ENVIRONMENT, ...further }, maxBuffer: 1 << 24 })
      return stdout
    } catch (error) {
      const { stdout, stderr } = error as { stdout: string; stderr: string }
      throw new Error(`${program} ${args.join(' ')} failed:\n${stdout}\n${stderr}`)
    }
  }

  /** Starts a program that serves a page; the address that it prints. */
  async serve(program: string, args: string[], within = ''): Promise<string> {
    const child = this.#start(program, args, within)
    const failed = once(child, 'exit').then(([code]) => Promise.reject(new Error(`${program} ended with ${code}`)))
    failed.catch(() => {})
    const address = new Promise<string>((resolve) => {
      createInterface({ input: child.stdout }).on('line', (line) => {
        const found = /http:\/\/(?:localhost|127\.0\.0\.1):\d+/.exec(line)
        if (found) resolve(found[0])
      })
    })
    return Promise.race([failed, address])
  }

  /** Starts a program; gives the lines that it has printed so far. */
  follow(program: string, args: string[]): () => string[] {
    const lines: string[] = []
    createInterface({ input: this.#start(program, args).stdout }).on('line', (line) => lines.push(line))
    return () => lines
  }

  #start(program: string, args: string[], within = ''): ChildProcessByStdio<null, Readable, null> {
    const child = spawn(program, args, { cwd: join(this.folder, within), env: ENVIRONMENT, stdio: ['ignore', 'pipe', 'inherit'], detached: true })
    this.#ends.push(() => endAll(child))
    return child
  }

  /** Serves its files as they are; the address. */
  async serveFiles(within = ''): Promise<string> {
    const server = createServer((request, response) => {
      const path = new URL(request.url!, 'http://localhost').pathname
      const file = join(this.folder, within, path.endsWith('/') ? `${path}index.html` : path)
      readFile(file).then(
        (content) => response.setHeader('content-type', TYPES[extname(file)] ?? 'text/plain').end(content),
        () => response.writeHead(404).end(),
      )
    })
    this.#ends.push(() => server.close())
    await once(server.listen(0, 'localhost'), 'listening')
    return `http://localhost:${(server.address() as AddressInfo).port}`
  }

  async dispose(): Promise<void> {
    for (const end of this.#ends) await end()
    await rm(this.folder, { recursive: true, force: true, maxRetries: 5 })
  }
}

/** Ends a program and what it started. */
async function endAll(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.pid === undefined) return
  const ended = once(child, 'exit')
  process.kill(-child.pid, 'SIGKILL')
  await ended
}
