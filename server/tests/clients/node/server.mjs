// Starts the server, each test file one of its own with its own database.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { databaseUrl, newDatabase, removeDatabase } from './database.mjs'

const built = join(dirname(fileURLToPath(import.meta.url)), '../../../../target/debug/samewire-server')
const program = process.env.SAMEWIRE_SERVER ?? built

export const SECRET = 'a secret of the tests, 32 bytes or more'

const START_MS = 60_000

/**
 * A server that answers. `database` is the folder of one, to start in again, `env` further settings, `flags`
 * its flags; `log` is told what the server writes to its log. It is `healthy` at the start, or must not be.
 */
export async function startServer({ database, env = {}, flags, log, healthy = true } = {}) {
  if (!existsSync(program)) throw new Error(`${program} is not there: cargo build -p samewire-server`)
  const folder = database ?? newDatabase()
  const child = start(folder, env, log ? 'pipe' : 'inherit', flags)
  if (log) child.stderr.setEncoding('utf8').on('data', log)
  // Not on `exit`: what it wrote to its log last may still be on its way then.
  const ended = once(child, 'close')
  const url = await address(child, ended)
  await waitForHealth(url, healthy)

  return {
    url,
    database: folder,
    pid: child.pid,
    /** `{ code, signal }` once the server has ended. */
    async end(signal) {
      child.kill(signal)
      const [code, killedBy] = await ended
      return { code, signal: killedBy }
    },
    async stop() {
      await this.end('SIGKILL')
      removeDatabase(folder)
    },
    /** Stops it in its tracks, connections standing, and lets it go on. */
    pause: () => child.kill('SIGSTOP'),
    resume: () => child.kill('SIGCONT'),
    /** Hundredths of a second that the process has had of the processors. */
    processorTicks() {
      // After the name in brackets, which may hold anything, utime and stime are the 12th and 13th.
      const fields = readFileSync(`/proc/${child.pid}/stat`, 'utf8').split(') ').at(-1).split(' ')
      return Number(fields[11]) + Number(fields[12])
    },
    /** Bytes that the process keeps in memory. */
    memory: () => memory(child, 'VmRSS'),
    /** The most bytes that it ever kept there. */
    peakMemory: () => memory(child, 'VmHWM'),
  }
}

/** Waits until /health says that a server is well, or that it isn't. */
async function waitForHealth(url, healthy) {
  for (const deadline = Date.now() + START_MS; ; ) {
    const { ok, status } = await fetch(`${url}/health`)
    if (ok === healthy) return
    if (Date.now() > deadline) throw new Error(`/health answers ${status}`)
  }
}

function memory(child, field) {
  const status = readFileSync(`/proc/${child.pid}/status`, 'utf8')
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)[1]) * 1024
}

/** With which code, and saying what, a server ends that is started with wrong settings. */
export async function whyNotStarted(env, flags = []) {
  const folder = newDatabase()
  const child = start(folder, env, 'pipe', flags)
  const timer = setTimeout(() => child.kill('SIGKILL'), START_MS)
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text) => (said += text))
  const [code] = await once(child, 'close')
  clearTimeout(timer)
  removeDatabase(folder)
  return { code, said }
}

let hosts = 0

/**
 * A loopback address that no other process of the tests listens at, so that free ports stay free; where a
 * system has but one, that one.
 */
export function ownHost() {
  if (process.platform !== 'linux') return '127.0.0.1'
  hosts += 1
  return `127.${64 + (process.pid >> 14) % 128}.${(process.pid >> 6) % 256}.${((process.pid % 64) << 2) + (hosts % 4)}`
}

/** What the program says of its settings. */
export async function helpText(env = {}) {
  const child = spawn(program, ['--help'], { env: { PATH: process.env.PATH, ...env }, stdio: ['ignore', 'pipe', 'inherit'] })
  let text = ''
  child.stdout.setEncoding('utf8').on('data', (more) => (text += more))
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`--help ended with ${code}`)
  return text
}

/** The program in a folder of its own; a variable that is undefined is not set. */
function start(folder, env, stderr, flags = []) {
  const settings = {
    PATH: process.env.PATH,
    RUST_LOG: process.env.RUST_LOG ?? 'error',
    JWT_SECRET: SECRET,
    PORT: '0',
    CONNECTIONS_PER_SECOND: '100000',
    DATABASE_URL: databaseUrl(folder),
    ...env,
  }
  const set = Object.entries(settings).filter(([, value]) => value !== undefined)
  return spawn(program, flags, { cwd: folder, env: Object.fromEntries(set), stdio: ['ignore', 'pipe', stderr] })
}

/** The address that the server says it listens on. */
async function address(child, ended) {
  const lines = createInterface({ input: child.stdout })
  const timer = setTimeout(() => child.kill('SIGKILL'), START_MS)
  try {
    return await Promise.race([
      ended.then(([code]) => Promise.reject(new Error(`the server ended with ${code}`))),
      new Promise((resolve) => {
        lines.on('line', (line) => {
          const found = /listening on (http:\S+)/.exec(line)
          if (found) resolve(found[1])
        })
      }),
    ])
  } finally {
    clearTimeout(timer)
  }
}
