// Several servers behind a balancer, their members, and what those have seen.
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { createClient } from 'samewire'
import { io } from 'socket.io-client'
import { WebSocket } from 'ws'
import { token } from './api.mjs'
import { newDatabase, removeDatabase } from './database.mjs'
import { openWay } from './way.mjs'
import { startServer } from './server.mjs'

const RECONNECTION = { reconnectionDelay: 50, reconnectionDelayMax: 200 }

/** Nobody listens there. */
export const NOWHERE = 'http://127.0.0.1:1'

/** How long an emit is tried again under its id. */
const EMIT_MS = 60_000

/**
 * So many servers on one database. `env(n)` are the settings of each; they go away with the test.
 */
export async function startCluster(t, count, env) {
  const database = newDatabase()
  const start = (n) => startServer({ database, env: env(n) })
  const slots = []
  // One after the other: the first makes the tables.
  for (let n = 0; n < count; n++) slots.push({ server: await start(n), serving: true })
  t.after(async () => {
    await Promise.all(slots.map(({ server }) => server.end('SIGKILL')))
    removeDatabase(database)
  })
  const cluster = {
    size: count,
    server: (n) => slots[n].server,
    /** Those that a balancer would send somebody to. */
    serving: () => slots.filter(({ serving }) => serving).map(({ server }) => server),
    /** A server as a balancer sees it: the one preferred while it serves, otherwise another. */
    balanced: (preferred) => ({
      get url() {
        const { server, serving } = slots[preferred()]
        return (serving ? server : cluster.serving()[0])?.url ?? NOWHERE
      },
    }),
    async kill(n) {
      slots[n].serving = false
      await slots[n].server.end('SIGKILL')
    },
    async restart(n) {
      slots[n].server = await start(n)
      slots[n].serving = true
    },
    pause(n) {
      slots[n].serving = false
      slots[n].server.pause()
    },
    resume(n) {
      slots[n].server.resume()
      slots[n].serving = true
    },
  }
  return cluster
}

/** What was said in a room, by all accounts: each place in its log holds one thing. */
export class Said {
  places = new Map()
  /** What was acknowledged. */
  certain = new Set()

  /** Whether this is what others saw at the place. */
  agrees({ epoch, offset }, id) {
    const place = `${epoch} ${offset}`
    if (!this.places.has(place)) this.places.set(place, id)
    return this.places.get(place) === id
  }

  /** What a back end was acknowledged one after the other and stands the other way round. */
  disordered() {
    const wrong = []
    const last = new Map()
    const order = ([one], [other]) => one[0].localeCompare(other[0]) || one[1] - other[1]
    const places = [...this.places].map(([place, id]) => [[place.split(' ')[0], Number(place.split(' ')[1])], id])
    for (const [[epoch], id] of places.sort(order)) {
      // Back ends count on, members speak at once.
      if (id >= 1_000_000_000 || !this.certain.has(id)) continue
      const writer = `${epoch} ${Math.floor(id / 10_000_000)}`
      if (id < last.get(writer)) wrong.push([last.get(writer), id])
      last.set(writer, id)
    }
    return wrong
  }
}

/** What one member has seen of its room, and all that was wrong with it. */
class Seen {
  ids = new Set()
  /** Those of them that were seen since the last reset: what is lost with a log may come again. */
  recent = new Set()
  wrong = []
  resets = 0

  constructor(said) {
    this.said = said
  }

  joined(position) {
    this.position = position
  }

  saw(position, id) {
    const last = this.position
    const follows = position.epoch === last?.epoch && position.offset === last.offset + 1
    if (!follows) this.wrong.push({ hole: [last, position] })
    if (this.recent.has(id)) this.wrong.push({ twice: id })
    if (!this.said.agrees(position, id)) this.wrong.push({ otherwise: [position, id] })
    this.position = position
    this.ids.add(id)
    this.recent.add(id)
  }

  /** Told that something may be missing, and where the rest goes on. */
  reset(position) {
    this.resets += 1
    this.recent.clear()
    this.position = position
  }

  /** What was acknowledged and never seen. */
  missing() {
    return [...this.said.certain].filter((id) => !this.ids.has(id))
  }
}

/** A member of a room that moves from server to server. */
class Member {
  presence = new Map()

  constructor(cluster, user, room, said, at, transports) {
    Object.assign(this, { cluster, user, room, at, transports, seen: new Seen(said) })
  }

  async openWay() {
    this.way = await openWay(this.cluster.balanced(() => this.at))
  }

  /** Goes over to a server. */
  move(to) {
    this.at = to
    this.way.cut()
  }

  describe() {
    const { seen } = this
    const { position, resets, wrong } = seen
    return `${this.constructor.name} ${this.transports} ${this.user} of ${this.room} at ${this.at}: ${JSON.stringify({ position, resets, wrong: wrong.slice(0, 3), missing: seen.missing().length })}`
  }
}

/** The official client, which remembers where it is and resumes from there, and no more. */
export class Official extends Member {
  /** With `comesBack` false it is gone once it is cut off after it was there. */
  async open({ comesBack = true } = {}) {
    await this.openWay()
    const { seen, room, transports } = this
    const auth = (give) => give({ token: token(this.user), resume: seen.position && [{ room, ...seen.position }] })
    const socket = io(this.way.url, { forceNew: true, transports, auth, ...RECONNECTION })
    this.socket = socket
    for (const event of ['said', 'broadcast']) {
      socket.on(event, ({ id, data }, { epoch, offset }) => seen.saw({ epoch, offset }, id ?? data.id))
    }
    socket.on('resumed', ({ rooms: [{ recovered, position, error }] }) => {
      // The replay came before this: whatever is not there is not to be had.
      if (error) this.#comeBack()
      else if (!recovered) seen.reset(position)
    })
    socket.on('presence:state', ({ room, users }) => {
      if (room !== this.room) return
      this.presence.clear()
      this.#fold(users, [])
    })
    socket.on('presence:update', ({ room, joined, updated, left }) => {
      if (room === this.room) this.#fold([...joined, ...updated], left)
    })
    const { data } = await this.#ask('room:join', { room })
    seen.joined(data.position)
    socket.io.reconnection(comesBack)
  }

  /** Says something, again and again under the same id until there is an answer. Whether it was let. */
  async say(id) {
    const once = { id: randomUUID() }
    const { ok } = await this.#ask('broadcast', { room: this.room, event: 'said', data: { id } }, once)
    return ok
  }

  /** Resuming was refused for now: it is asked for by hand. */
  async #comeBack() {
    const { seen, room } = this
    const { ok, data, error } = await this.#ask('room:join', { room, since: seen.position })
    if (!ok) seen.wrong.push({ refused: error })
    else if (!data.recovered) seen.reset(data.position)
  }

  async #ask(event, payload, ...once) {
    const deadline = Date.now() + EMIT_MS
    for (;;) {
      const answer = await this.socket.timeout(5_000).emitWithAck(event, payload, ...once).catch(() => ({ ok: false }))
      const again = !answer.ok && (answer.error === undefined || answer.error.code === 'UNAVAILABLE')
      if (!again || this.closed || Date.now() > deadline) return answer
      await sleep(100)
    }
  }

  /** Who is in the room, and with how many connections. */
  present = () => this.presence

  #fold(there, gone) {
    for (const { userId, connections } of there) this.presence.set(userId, connections)
    for (const userId of gone) this.presence.delete(userId)
  }

  close() {
    this.closed = true
    this.socket?.disconnect()
    this.way?.close()
  }
}

/** Ours, to which nobody has to say anything. */
export class Ours extends Member {
  async open() {
    await this.openWay()
    const { seen, transports } = this
    this.client = createClient(this.way.url, { WebSocket, transports, autoConnect: true, token: token(this.user), ...RECONNECTION })
    while (!this.joined) {
      this.joined = await this.client.join(this.room).catch((error) => {
        if (!error.retryable) throw error
      })
    }
    seen.joined(this.client.positions.get(this.room))
    this.joined.on('said', ({ id }, { position }) => seen.saw(position, id))
    this.joined.on('broadcast', ({ data }, { position }) => seen.saw(position, data.id))
    this.joined.on('reset', ({ position }) => seen.reset(position))
  }

  async say(id) {
    try {
      await this.client.emit('broadcast', { room: this.room, event: 'said', data: { id } }, { timeout: 5_000, retries: EMIT_MS / 5_000 })
      return true
    } catch {
      return false
    }
  }

  present = () => new Map(this.joined.presence.users.map(({ userId, connections }) => [userId, connections]))

  close() {
    this.client?.close()
    this.way?.close()
  }
}
