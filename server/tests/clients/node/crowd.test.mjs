// Presence of a crowd: 100 users with 300 tabs come, go, reload and crash; once it is quiet, every
// member's list is the truth (wire.md, section 6).
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { io } from 'socket.io-client'
import { token } from './api.mjs'
import { ask } from './client.mjs'
import { keepTime } from './crowd-of-rooms.mjs'
import { random, seedOf } from './random.mjs'
import { startServer } from './server.mjs'
import { openWay } from './way.mjs'

const USERS = 100
const TABS = 300
const ROOMS = ['room:kitchen', 'room:garden', 'room:cellar']
/** These do nothing but reload: nobody may ever be told of it. */
const RELOADERS = 10
const STEPS = 600

/** No ghost remains for longer. */
const GHOST_MS = 15_000

/** Who is back sooner isn't missed. */
const MISSED_MS = 2_000

let server
before(async () => {
  // A crashed tab says nothing: it is found out by its silence, and missed 2 s later. As long a silence as leaves
  // no ghost for too long, for tabs of a busy machine that are silent for a while, too.
  const env = { PING_INTERVAL: '2s', PING_TIMEOUT: '8s', RATE_LIMIT_MAX: '100000' }
  server = await startServer({ env })
})
after(() => server.stop())

/** A tab of a user, with what it knows of each room that it is in: user → number of tabs. */
class Tab {
  rooms = new Map()
  told = []

  constructor(user) {
    this.user = user
  }

  async open() {
    this.way = await openWay(server)
    const auth = { token: token(this.user) }
    const socket = io(this.way.url, { forceNew: true, transports: ['websocket'], reconnection: false, auth })
    this.socket = socket
    socket.on('presence:state', ({ room, users }) => this.rooms.get(room) && this.fold(room, { joined: users }, true))
    socket.on('presence:update', (changes) => {
      if (!this.rooms.has(changes.room)) return
      this.fold(changes.room, changes)
      this.told.push(changes)
    })
    await new Promise((resolve, reject) => {
      socket.once('authenticated', resolve)
      socket.once('connect_error', reject)
    })
  }

  fold(room, { joined, updated = [], left = [] }, anew = false) {
    if (anew) this.rooms.set(room, new Map())
    const users = this.rooms.get(room)
    for (const { userId, connections } of [...joined, ...updated]) users.set(userId, connections)
    for (const userId of left) users.delete(userId)
  }

  async join(room) {
    this.rooms.set(room, new Map())
    const { ok } = await ask(this.socket, 'room:join', room)
    assert.equal(ok, true)
  }

  async leave(room) {
    this.rooms.delete(room)
    const { ok } = await ask(this.socket, 'room:leave', room)
    assert.equal(ok, true)
  }

  /** Gone, and back at once. Says whether that was before anybody misses it, which is out of a busy machine's power. */
  async reload() {
    const since = performance.now()
    const rooms = [...this.rooms.keys()]
    this.socket.disconnect()
    this.way.close()
    this.rooms.clear()
    await this.open()
    for (const room of rooms) await this.join(room)
    return performance.now() - since < MISSED_MS
  }

  close() {
    this.socket.disconnect()
    this.way.close()
  }
}

/** Who is in a room with how many tabs. */
function truth(tabs, room) {
  const users = new Map()
  for (const { user } of tabs.filter((tab) => tab.rooms.has(room))) users.set(user, (users.get(user) ?? 0) + 1)
  return users
}

const listed = (users) => JSON.stringify([...users].sort())

test("once quiet, every member's list is the truth, and no reload was ever told", { timeout: 300_000 }, async (t) => {
  const clock = keepTime(t, { serving: () => [server] })
  const chance = random(seedOf(t))
  const below = (limit) => Math.floor(chance() * limit)
  const reloaders = Array.from({ length: RELOADERS }, (_, n) => new Tab(`reloader-${n}`))
  let tabs = Array.from({ length: TABS }, (_, n) => new Tab(`user-${n % USERS}`))
  const frozen = []
  t.after(() => [...reloaders, ...tabs, ...frozen].forEach((tab) => tab.close()))
  await Promise.all([...reloaders, ...tabs].map((tab) => tab.open()))
  for (const room of ROOMS) await Promise.all(reloaders.map((tab) => tab.join(room)))
  for (const tab of tabs) await tab.join(ROOMS[below(ROOMS.length)])

  const quiet = async (what, everybody, limitMs) => {
    const wrong = () => {
      for (const room of ROOMS) {
        const expected = listed(truth(everybody(), room))
        for (const tab of everybody().filter((tab) => tab.rooms.has(room))) {
          if (listed(tab.rooms.get(room)) !== expected) return { room, by: tab.user, sees: listed(tab.rooms.get(room)), expected }
        }
      }
      return undefined
    }
    const since = clock.now()
    while (wrong()) {
      if (clock.now() - since > limitMs) assert.deepEqual(wrong(), undefined, what)
      await sleep(20)
    }
    return clock.now() - since
  }
  await quiet('all are in', () => [...reloaders, ...tabs], GHOST_MS)
  for (const tab of tabs) tab.told.length = 0

  const done = { join: 0, leave: 0, reload: 0, cut: 0, crash: 0, come: 0 }
  const busy = new Set()
  const missed = new Map()
  const act = async (tab, what) => {
    const room = ROOMS[below(ROOMS.length)]
    if (what === 'join' && !tab.rooms.has(room)) await tab.join(room)
    else if (what === 'leave' && tab.rooms.has(room)) await tab.leave(room)
    else if (what === 'reload') {
      if (!(await tab.reload())) missed.set(tab.user, (missed.get(tab.user) ?? 0) + 1)
    } else if (what === 'cut' || what === 'crash') {
      tabs = tabs.filter((other) => other !== tab)
      if (what === 'cut') {
        tab.way.kill()
        tab.close()
      } else {
        // Power lost: the server hears nothing at all any more.
        tab.way.freeze()
        tab.socket.removeAllListeners()
        frozen.push(tab)
      }
    } else if (what === 'come' && tabs.length < TABS) {
      const tab = new Tab(`user-${below(USERS)}`)
      await tab.open()
      await tab.join(room)
      tabs.push(tab)
    } else return
    done[what] += 1
  }
  const whats = ['join', 'join', 'leave', 'leave', 'reload', 'cut', 'crash', 'come', 'come']
  const running = []
  for (let step = 0; step < STEPS; step++) {
    const reloads = step % 20 === 0
    const tab = reloads ? reloaders[below(RELOADERS)] : tabs[below(tabs.length)]
    if (busy.has(tab)) continue
    busy.add(tab)
    const what = reloads ? 'reload' : whats[below(whats.length)]
    running.push(act(tab, what).finally(() => busy.delete(tab)))
    await sleep(below(20))
  }
  await Promise.all(running)

  const took = await quiet('no ghost remains', () => [...reloaders, ...tabs], GHOST_MS)
  t.diagnostic(`${JSON.stringify({ ...done, missed: missed.size })}, true again after ${(took / 1000).toFixed(1)} s`)
  assert.ok(Object.values(done).every((times) => times > 5), JSON.stringify(done))
  // The reloaders never left anybody's list, nor had more or fewer tabs, but to go and come back once for each
  // time that they were missed.
  assert.ok(tabs.some(({ told }) => told.length > 0))
  for (const { told } of tabs) {
    for (const room of ROOMS) {
      const reports = told.filter((changes) => changes.room === room)
      const users = reports.flatMap(({ joined, updated, left }) => [...joined, ...updated].map(({ userId }) => userId).concat(left))
      for (const { user } of reloaders) {
        const times = users.filter((other) => other === user).length
        assert.ok(times <= 2 * (missed.get(user) ?? 0), `told of ${user} ${times} times, who was missed ${missed.get(user) ?? 0} times`)
      }
    }
  }
  // What the server says to back ends is the same truth.
  for (const room of ROOMS) {
    const probe = new Tab('user-0')
    await probe.open()
    const { data } = await ask(probe.socket, 'room:join', room)
    probe.rooms.set(room, new Map())
    const expected = truth([...reloaders, ...tabs, probe], room)
    assert.equal(listed(new Map(data.users.map(({ userId, connections }) => [userId, connections]))), listed(expected))
    probe.close()
    await sleep(0)
  }
})
