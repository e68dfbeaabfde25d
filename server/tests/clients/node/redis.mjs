// A Redis of a test's own, and the network before it.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { openWayAside } from './way.mjs'

const program = process.env.REDIS_SERVER ?? 'redis-server'

/** How long anything may take on a machine that is busy. */
const DEADLINE_MS = 30_000

/**
 * A Redis that answers, and goes away with the test. With `persistent` it knows after a restart what it
 * knew before. `url` is what a server is given as REDIS_URL.
 */
export async function startRedis(t, { persistent = false, password } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'samewire-redis-'))
  let running
  const redis = {
    /** Starts it again where it was. */
    async start() {
      running = await run(folder, redis.port, { persistent, password })
      if (!running) throw new Error(`Redis can't have its port ${redis.port} again`)
    },
    /** Ends it: by SIGKILL without a word to anybody, by SIGTERM in good order. */
    async stop(signal = 'SIGKILL') {
      const ended = once(running, 'exit')
      running.kill('SIGCONT')
      running.kill(signal)
      await ended
      running = undefined
    },
    async restart(signal) {
      await redis.stop(signal)
      await redis.start()
    },
    /** Stops it in its tracks: connections stand and nothing answers. */
    pause: () => running.kill('SIGSTOP'),
    resume: () => running.kill('SIGCONT'),
  }
  t.after(async () => {
    if (running) await redis.stop()
    rmSync(folder, { recursive: true, force: true })
  })
  while (!running) {
    redis.port = await freePort()
    running = await run(folder, redis.port, { persistent, password })
  }
  redis.url = `redis://${password ? `:${password}@` : ''}127.0.0.1:${redis.port}`
  return redis
}

/** What is begun last ends first: a server before its Redis. To be given in the place of the test. */
export function lastFirst(t) {
  const ends = []
  t.after(async () => {
    for (const end of ends.reverse()) await end()
  })
  return { after: (end) => ends.push(end) }
}

/** A way to it, at the mercy of the test: as `openWayAside` gives it, `url` being for REDIS_URL. */
export async function openWayToRedis(t, redis) {
  const way = await openWayAside(redis)
  t.after(() => way.close())
  return Object.assign(way, { url: way.url.replace('http:', 'redis:') })
}

/** Has Redis do something, as a server of another version may. */
export async function tellRedis(redis, ...words) {
  const socket = connect(redis.port, '127.0.0.1').setEncoding('utf8')
  socket.write(`*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(String(word))}\r\n${word}\r\n`).join('')}`)
  const [answer] = await once(socket, 'data')
  socket.destroy()
  if (answer.startsWith('-')) throw new Error(answer)
}

/** Waits until something is so. */
export async function eventually(what, isSo) {
  const deadline = Date.now() + DEADLINE_MS
  while (!(await isSo())) {
    if (Date.now() > deadline) throw new Error(`not in time: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** A Redis once it answers; none where somebody else has the port. */
async function run(folder, port, { persistent, password }) {
  // What is written outlives the process. Where Redis has the disk keep it, too, it puts off writing while the disk is busy.
  const appended = { appendonly: persistent ? 'yes' : 'no', appendfsync: 'no' }
  const settings = { bind: '127.0.0.1', port, dir: folder, save: '', ...appended, ...(password && { requirepass: password }) }
  const flags = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)])
  const child = spawn(program, flags, { stdio: ['ignore', 'pipe', 'inherit'] })
  const timer = setTimeout(() => child.kill('SIGKILL'), DEADLINE_MS)
  try {
    let said = ''
    return await new Promise((resolve, reject) => {
      child.on('error', (error) => reject(new Error(`${program}: ${error.message}; \`cargo xtask setup\` installs it`)))
      child.on('exit', () => (/Address already in use/.test(said) ? resolve() : reject(new Error(`Redis ended: ${said}`))))
      createInterface({ input: child.stdout }).on('line', (line) => {
        said += `${line}\n`
        if (line.includes('Ready to accept connections')) resolve(child)
      })
    })
  } finally {
    clearTimeout(timer)
  }
}

/** A port that is free, and not of those that the system gives away while Redis is down. */
async function freePort() {
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * 20_000)
    const listener = createServer().listen(port, '127.0.0.1')
    try {
      await once(listener, 'listening')
    } catch {
      continue
    }
    await new Promise((resolve) => listener.close(resolve))
    return port
  }
}
