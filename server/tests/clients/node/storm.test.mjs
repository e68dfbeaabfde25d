// Nothing lost, nothing twice, in order (wire.md, section 4), while connections are cut, stalled,
// killed and duplicated: 50,000 events to 20 rooms, 200 connections, half of them the official
// client's and half ours.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { createClient } from 'samewire'
import { io } from 'socket.io-client'
import { WebSocket } from 'ws'
import { token } from './api.mjs'
import { ask } from './client.mjs'
import { random, seedOf } from './random.mjs'
import { startServer } from './server.mjs'
import { openWay } from './way.mjs'

const KEY = 'a key for back ends'
const ROOMS = 20
const MEMBERS = 10
const EVENTS = 50_000
const BATCH = 100
const FILLING = 'x'.repeat(500)
const LAST = EVENTS / ROOMS
const LIMIT_MS = 240_000

/** What befalls the clients while a batch is published. */
const TROUBLES = 2

/** Few enough that some are away for longer. */
const LOG_EVENTS = 300

/**
 * How much the server may grow: 20 full logs of events of 700 bytes are 4 MiB, 200 connections
 * with a full buffer of 512 each would be 70 MiB if no two of them shared a frame, and the rest is
 * the connections themselves and an allocator that keeps what it had.
 */
const MAX_GROWTH = 80 * 1024 * 1024

let server
before(async () => {
  server = await startServer({ env: { PUBLISH_KEY: KEY, RATE_LIMIT_MAX: '1000000', LOG_EVENTS: String(LOG_EVENTS) } })
})
after(() => server.stop())

/** What a client has seen of its room. */
class Seen {
  last = 0
  resets = 0
  wrong = []

  saw(n) {
    // Whoever was told that the log no longer reaches back goes on from wherever it is.
    if (n !== this.last + 1 && !(this.anew && n > this.last)) this.wrong.push([this.last, n])
    this.anew = false
    this.last = n
  }

  reset(offset) {
    this.resets += 1
    this.anew = true
    this.last = Math.max(this.last, offset)
  }
}

/** The official client, which remembers where it is and resumes from there, and no more. */
class Official {
  seen = new Seen()
  olds = new Set()

  constructor(user, room, way, transports) {
    Object.assign(this, { user, room, way, transports })
  }

  async open() {
    const socket = this.connect()
    await new Promise((resolve) => socket.once('authenticated', resolve))
    const { data } = await ask(socket, 'room:join', { room: this.room })
    this.epoch = data.position.epoch
  }

  connect() {
    const { seen } = this
    const auth = (give) => {
      const resume = this.epoch && [{ room: this.room, epoch: this.epoch, offset: seen.last }]
      give({ token: token(this.user), resume })
    }
    const { transports } = this
    const socket = io(this.way.url, { forceNew: true, transports, auth, reconnectionDelay: 50, reconnectionDelayMax: 200 })
    const mine = () => this.socket === socket
    socket.on('said', ({ n }) => mine() && seen.saw(n))
    socket.on('resumed', ({ rooms: [{ recovered, position, error }] }) => {
      if (!mine()) return
      assert.equal(error, undefined)
      // The replay came before this: whatever is not there is not to be had.
      if (!recovered) seen.reset(position.offset)
    })
    this.socket = socket
    return socket
  }

  /** Another connection takes over while the old one still stands. */
  duplicate() {
    const old = this.socket
    this.olds.add(old)
    this.connect().once('connect', () => old.disconnect())
  }

  close() {
    this.olds.forEach((old) => old.disconnect())
    this.socket.disconnect()
    this.way.close()
  }
}

/** Ours, to which nobody has to say anything. */
class Ours {
  seen = new Seen()
  others = new Set()

  constructor(user, room, way, transports) {
    Object.assign(this, { user, room, way, transports })
  }

  async open() {
    this.client = this.connect()
    const room = await this.client.join(this.room)
    room.on('said', ({ n }) => this.seen.saw(n))
    room.on('reset', ({ position }) => this.seen.reset(position.offset))
  }

  connect() {
    const { transports } = this
    return createClient(this.way.url, { WebSocket, transports, autoConnect: true, token: token(this.user), reconnectionDelay: 50, reconnectionDelayMax: 200 })
  }

  /** Another tab of the same user comes and goes. */
  duplicate() {
    const other = this.connect()
    this.others.add(other)
    other.join(this.room).catch(() => {}).finally(() => other.close())
  }

  close() {
    this.others.forEach((other) => other.close())
    this.client.close()
    this.way.close()
  }
}

async function publish(batch) {
  const response = await fetch(`${server.url}/api/publish`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-api-key': KEY },
    body: JSON.stringify({ batch }),
  })
  assert.equal(response.status, 200, await response.text())
}

test('who is up at the end has seen every event once, in order, or was told', { timeout: 3 * LIMIT_MS }, async (t) => {
  const chance = random(seedOf(t))
  const below = (limit) => Math.floor(chance() * limit)
  const clients = await Promise.all(
    Array.from({ length: ROOMS * MEMBERS }, async (_, n) => {
      const Client = n % 2 === 0 ? Official : Ours
      // Some begin by polling and upgrade.
      const transports = n % 8 < 2 ? ['polling', 'websocket'] : ['websocket']
      const client = new Client(`user-${n % 50}`, `room:storm-${Math.floor(n / MEMBERS)}`, await openWay(server), transports)
      t.after(() => client.close())
      await client.open()
      return client
    }),
  )
  const memoryBefore = server.memory()
  let memory = memoryBefore
  const done = { cut: 0, kill: 0, stall: 0, duplicate: 0, absent: 0 }
  const said = Array.from({ length: ROOMS }, () => 0)
  /** Those that are away, each until so many events were sent. */
  const away = new Map()
  const comeBack = (sent) => {
    for (const [client, until] of away) {
      if (until > sent) continue
      away.delete(client)
      client.socket.connect()
    }
  }
  const trouble = (sent) => {
    const client = clients[below(clients.length)]
    const what = Object.keys(done)[below(5)]
    done[what] += 1
    if (what === 'duplicate') client.duplicate()
    else if (what === 'absent' && client instanceof Official) {
      client.socket.disconnect()
      // Long enough that its log may have gone on without it, however fast that is.
      away.set(client, sent + below(3 * LOG_EVENTS * ROOMS))
    } else if (what === 'absent' || what === 'stall') {
      client.way.stall()
      setTimeout(() => client.way.flow(), below(4000))
    } else client.way[what]()
    memory = Math.max(memory, server.memory())
  }
  const troubled = []
  for (let sent = 0; sent < EVENTS; sent += BATCH) {
    const batch = Array.from({ length: BATCH }, (_, at) => {
      // Several to one room in a row, as they come.
      const room = Math.floor((sent + at) / 10) % ROOMS
      said[room] += 1
      return { room: `room:storm-${room}`, event: 'said', data: { n: said[room], filling: FILLING } }
    })
    for (let n = 0; n < TROUBLES; n++) troubled.push(sleep(below(30)).then(() => trouble(sent)))
    await publish(batch)
    comeBack(sent)
  }
  await Promise.all(troubled)
  comeBack(Infinity)
  assert.deepEqual(said, said.map(() => LAST))

  // The network is whole again; all come to the end by themselves.
  const deadline = Date.now() + LIMIT_MS
  const behind = () => clients.filter(({ seen }) => seen.last < LAST)
  while (behind().length > 0 && Date.now() < deadline) await sleep(50)
  const report = (client) => `${client.constructor.name} ${client.transports[0]} ${client.user}: ${JSON.stringify(client.seen)}`
  assert.deepEqual(behind().map(report), [], 'all come to the end')
  const wrong = clients.filter(({ seen }) => seen.wrong.length > 0)
  assert.deepEqual(wrong.map(report), [], 'nothing lost, nothing twice, in order')
  const growth = memory - memoryBefore
  assert.ok(growth < MAX_GROWTH, `the server grew by ${Math.round(growth / 1024 / 1024)} MiB`)

  const resets = clients.filter(({ seen }) => seen.resets > 0).length
  t.diagnostic(`${JSON.stringify(done)}, ${resets} clients told to begin anew, ${Math.round(growth / 1024 / 1024)} MiB grown`)
  // A storm in which nothing happened would prove nothing.
  assert.ok(resets > 0 && resets < clients.length, `${resets} of ${clients.length} began anew`)
  assert.ok(Object.values(done).every((times) => times > 5), JSON.stringify(done))
})
