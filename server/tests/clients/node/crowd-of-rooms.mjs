// What goes on in a cluster: members in many rooms who move, speak and are spoken to, and what must be
// true of it in the end.
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { NOWHERE, Official, Ours, Said } from './cluster.mjs'
import { random, seedOf } from './random.mjs'

export const KEY = 'a key for back ends'

/** What each server is started with. */
export const SETTINGS = {
  PUBLISH_KEY: KEY, RATE_LIMIT_MAX: '1000000', PING_INTERVAL: '2s', PING_TIMEOUT: '4s',
  // Nobody is away for longer than a log reaches: there is no excuse to begin anew.
  LOG_EVENTS: '100000', LOG_BYTES: '256MiB',
}

const MEMBERS = 5
const USERS = 150
const PUBLISHERS = 6
const SPEAKERS = 20
const BATCH = 30

/** Six publishers of 30 events come to 3,000 events a second at most. */
const PAUSE_MS = 60

/** How long it may take until all have come to the end, on a machine that is busy. */
const LIMIT_MS = 60_000

/** Presence is true within 15 s, whatever happened (wire.md, section 6). */
const TRUE_MS = 15_000

/** How often it is looked whether it is. */
const LOOK_MS = 50

/** So many come at once. */
const OPENED_AT_ONCE = 20

const LAST_WORD = 2_000_000_000

/** Members of so many rooms, half of them official clients, over all servers of a cluster. */
export async function gather(t, cluster, rooms) {
  const clock = keepTime(t, cluster)
  const chance = random(seedOf(t))
  const below = (limit) => Math.floor(chance() * limit)
  const said = Array.from({ length: rooms }, () => new Said())
  const name = (room) => `room:cluster-${room}`
  const members = Array.from({ length: rooms * MEMBERS }, (_, n) => {
    const Client = n % 2 === 0 ? Official : Ours
    const room = Math.floor(n / MEMBERS)
    const transports = n % 10 < 2 ? ['polling', 'websocket'] : ['websocket']
    return new Client(cluster, `user-${n % USERS}`, name(room), said[room], n % cluster.size, transports)
  })
  // These go down with their server, and don't come back.
  const mortals = Array.from({ length: 4 * cluster.size }, (_, n) => {
    const room = n % rooms
    return new Official(cluster, `mortal-${n}`, name(room), said[room], n % cluster.size, ['websocket'])
  })
  t.after(() => [...members, ...mortals].forEach((member) => member.close()))
  const opening = [...members.map((member) => () => member.open()), ...mortals.map((mortal) => () => mortal.open({ comesBack: false }))]
  await Promise.all(Array.from({ length: OPENED_AT_ONCE }, async () => {
    while (opening.length > 0) await opening.pop()()
  }))
  const done = { events: 0, batchesRefused: 0, wordsRefused: 0, moves: 0 }

  /** A back end: to its rooms, a batch at a time, by any server. */
  async function publish(publisher, goesOn) {
    let next = publisher * 10_000_000
    const mine = said.map((_, room) => room).filter((room) => room % PUBLISHERS === publisher)
    const headers = { 'content-type': 'application/json', 'x-api-key': KEY }
    while (goesOn()) {
      const room = mine[below(mine.length)]
      const ids = Array.from({ length: BATCH }, () => next++)
      done.events += BATCH
      const body = JSON.stringify({ batch: ids.map((id) => ({ room: name(room), event: 'said', data: { id } })) })
      const servers = cluster.serving()
      const server = servers[below(servers.length)]
      const answer = fetch(`${server?.url ?? NOWHERE}/api/publish`, { method: 'POST', headers, body, signal: AbortSignal.timeout(10_000) })
      const acknowledged = await answer.then(async (response) => (await response.text()) !== '' && response.ok).catch(() => false)
      // What was not acknowledged may be there or not, for all alike.
      if (acknowledged) ids.forEach((id) => said[room].certain.add(id))
      else done.batchesRefused += 1
      await sleep(PAUSE_MS)
    }
  }

  /** Members, one thing after the other. */
  async function speak(speaker, goesOn) {
    for (let next = 1_000_000_000 + speaker * 1_000_000; goesOn(); next++) {
      const n = below(members.length)
      done.events += 1
      if (await members[n].say(next)) said[Math.floor(n / MEMBERS)].certain.add(next)
      else done.wordsRefused += 1
      await sleep(PAUSE_MS)
    }
  }

  async function move(goesOn) {
    while (goesOn()) {
      members[below(members.length)].move(below(cluster.size))
      done.moves += 1
      await sleep(below(100))
    }
  }

  return {
    below,
    members,
    /**
     * Goes on until there were so many events at least, `trouble` is over, and all see who is there: says how
     * long that took from then on. `alive` are those who don't come back when they are cut off, and weren't.
     */
    async live(events, trouble, alive) {
      let troubled = true
      let settled = false
      const over = trouble(done).finally(() => (troubled = false))
      const goesOn = () => !settled || done.events < events
      const [presenceTrueMs] = await Promise.all([
        over.then(() => this.agreeOnPresence(alive)).finally(() => (settled = true)),
        move(() => troubled),
        ...Array.from({ length: PUBLISHERS }, (_, n) => publish(n, goesOn)),
        ...Array.from({ length: SPEAKERS }, (_, n) => speak(n, goesOn)),
      ])
      return presenceTrueMs
    },
    /** Waits until nobody sees those who went down with a server; says how long that took. */
    async missed(n) {
      const gone = mortals.filter(({ at }) => at === n)
      const rooms = new Map(gone.map(({ room, user }) => [room, user]))
      return within(clock, () => {
        const sees = members.find(({ room, at, present }) => rooms.has(room) && at !== n && present().has(rooms.get(room)))
        return sees && `${sees.describe()} still sees ${rooms.get(sees.room)}`
      })
    },
    /** Waits until all see who is there; says how long that took. */
    async agreeOnPresence(alive = () => false) {
      const there = new Map()
      for (const { room, user } of [...members, ...mortals.filter(alive)]) {
        if (!there.has(room)) there.set(room, new Map())
        there.get(room).set(user, (there.get(room).get(user) ?? 0) + 1)
      }
      const listed = (users) => JSON.stringify([...users].sort())
      return within(clock, () => {
        const sees = members.find((member) => listed(member.present()) !== listed(there.get(member.room)))
        return sees && `${sees.describe()} sees ${listed(sees.present())}, there are ${listed(there.get(sees.room))}`
      })
    },
    /** The last word in each room is heard by all: whoever hears it has heard whatever came before. */
    async conclude() {
      await Promise.all(said.map(async ({ certain }, room) => {
        assert.ok(await members[room * MEMBERS].say(LAST_WORD + room), `${members[room * MEMBERS].describe()} has the last word`)
        certain.add(LAST_WORD + room)
      }))
      const deadline = Date.now() + LIMIT_MS
      const behind = () => members.filter(({ seen }, n) => !seen.ids.has(LAST_WORD + Math.floor(n / MEMBERS)))
      while (behind().length > 0 && Date.now() < deadline) await sleep(50)
      assert.deepEqual(behind().map((member) => member.describe()), [], 'all come to the end')
      const wrong = members.filter(({ seen }) => seen.wrong.length > 0)
      assert.deepEqual(wrong.map((member) => member.describe()), [], 'nothing twice, no hole, in one order for all')
      assert.deepEqual(said.flatMap((room) => room.disordered()), [], 'what one back end published is in the order of its calls')
      const acknowledged = said.reduce((sum, { certain }) => sum + certain.size, 0)
      return { ...done, acknowledged }
    },
  }
}

/** Waits until nothing is wrong any more, for as long as presence may take; says how long it did. */
async function within(clock, wrong) {
  const began = clock.now()
  while (wrong() && clock.now() - began < TRUE_MS) await sleep(LOOK_MS)
  assert.equal(wrong(), undefined)
  return Math.round(clock.now() - began)
}

/**
 * The time of a machine that keeps up, in milliseconds. While this process or a server is so busy that a moment takes
 * long, no more of it passes than if it took a moment: nobody promises anything of a machine that does something else.
 */
export function keepTime(t, cluster) {
  let passed = 0
  let over = false
  t.after(() => (over = true))
  const answer = ({ url }) => fetch(`${url}/api/websocket/health`, { signal: AbortSignal.timeout(1_000) }).then((response) => response.text())
  const tick = async () => {
    while (!over) {
      const began = performance.now()
      // Those that are down, or going down, have nothing to say.
      await Promise.all([sleep(LOOK_MS), ...cluster.serving().map((server) => answer(server).catch(() => {}))])
      passed += Math.min(performance.now() - began, 2 * LOOK_MS)
    }
  }
  void tick()
  return { now: () => passed }
}
