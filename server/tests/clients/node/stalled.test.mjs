// A client that reads nothing for a while is caught up from the log; one that reads nothing any more
// is gone in time, and costs others nothing.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { createClient } from 'samewire'
import { WebSocket } from 'ws'
import { token } from './api.mjs'
import { ask, signedIn } from './client.mjs'
import { startServer } from './server.mjs'
import { openWay } from './way.mjs'

const KEY = 'a key for back ends'
const OTHERS = 10
const GONE_MS = 30_000

/** How much longer others may wait beside a client that is stalled, as a ratio of medians. */
const MAX_RATIO = 1.5

/** More than the systems on both sides and the server's buffer keep of a connection. */
const FLOOD_BYTES = 24 * 1024 * 1024
const FILLING = 'x'.repeat(100_000)
const FLOOD = Math.ceil(FLOOD_BYTES / FILLING.length)

/** As many of these as a call may bring. */
const AT_A_TIME = 8

/** How much the server may grow, in bytes. */
const MAX_GROWTH = 96 * 1024 * 1024

let server
before(async () => {
  server = await startServer({ env: { PUBLISH_KEY: KEY, LOG_BYTES: '32MiB' } })
})
after(() => server.stop())

async function call(method, path, body) {
  const response = await fetch(server.url + path, {
    method,
    headers: { 'content-type': 'application/json', 'x-api-key': KEY },
    body: body && JSON.stringify(body),
  })
  assert.equal(response.status, 200)
  return response.json()
}

/** Publishes as much as a call may bring. */
const flood = (room, event, data) =>
  call('POST', '/api/publish', { batch: Array.from({ length: AT_A_TIME }, () => ({ room, event, data: data() })) })

/** Members of a room, and how long it takes until all of them have heard something. */
async function listeners(t, room) {
  const sockets = await Promise.all(
    Array.from({ length: OTHERS }, () => signedIn(t, server, `listener-in-${room}`, { transports: ['websocket'] })),
  )
  let heard = 0
  let all = () => {}
  for (const socket of sockets) {
    // The flood is for the stalled one alone.
    await ask(socket, 'room:join', { room, events: ['said'] })
    socket.on('said', () => ++heard % OTHERS === 0 && all())
  }
  return async (data) => {
    const began = performance.now()
    const everybody = new Promise((resolve) => (all = resolve))
    await call('POST', '/api/publish', { room, event: 'said', data })
    await everybody
    return performance.now() - began
  }
}

test('who was cut off from a room for reading nothing is caught up from its log', async (t) => {
  const [official, ours] = await Promise.all([openWay(server), openWay(server)])
  t.after(() => official.close())
  t.after(() => ours.close())
  const transports = ['websocket']
  const socket = await signedIn(t, { url: official.url }, 'slow', { transports })
  const client = createClient(ours.url, { WebSocket, transports, autoConnect: true, token: token('slow') })
  t.after(() => client.close())
  const seen = { official: [], ours: [] }
  await ask(socket, 'room:join', 'slow')
  socket.on('said', ({ n }) => seen.official.push(n))
  socket.on('disconnect', () => seen.official.push('disconnected'))
  const room = await client.join('room:slow')
  room.on('said', ({ n }) => seen.ours.push(n))
  room.on('reset', () => seen.ours.push('reset'))

  const before = await slowConsumers()
  official.stall()
  ours.stall()
  let sent = 0
  while ((await slowConsumers()) - before < 2) {
    assert.ok(sent < FLOOD, 'both are cut off')
    await flood('slow', 'said', () => ({ n: sent++, filling: FILLING }))
  }
  // Some are missed by both.
  await flood('slow', 'said', () => ({ n: sent++, filling: FILLING }))
  official.flow()
  ours.flow()
  await call('POST', '/api/publish', { room: 'slow', event: 'said', data: { n: sent } })
  const all = Array.from({ length: sent + 1 }, (_, n) => n)
  const deadline = performance.now() + 120_000
  while (performance.now() < deadline && Object.values(seen).some((seen) => seen.length < all.length)) await sleep(20)
  assert.deepEqual(seen.official, all)
  assert.deepEqual(seen.ours, all)
})

const median = (values) => values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)]

async function slowConsumers() {
  const metrics = await (await fetch(`${server.url}/metrics`)).text()
  return Number(/^samewire_slow_consumers_total (\d+)/m.exec(metrics)?.[1] ?? 0)
}

const ways = [
  ['a websocket', ['websocket']],
  ['polling with an upgrade', ['polling', 'websocket']],
]
for (const [name, transports] of ways) {
  test(`a stalled client is gone within 30 s and costs others nothing: ${name}`, async (t) => {
    const sayBesideNobody = await listeners(t, `calm by ${name}`)
    const sayBesideStalled = await listeners(t, `stalled by ${name}`)
    const way = await openWay(server)
    t.after(() => way.close())
    const user = `stalled by ${name}`
    const stalled = await signedIn(t, { url: way.url }, user, { transports })
    while (stalled.io.engine.transport.name !== 'websocket') await sleep(10)
    await ask(stalled, 'room:join', `stalled by ${name}`)
    const online = async () => (await call('GET', `/api/users/${encodeURIComponent(user)}`)).online
    assert.equal(await online(), true)

    const memoryBefore = server.memory()
    way.stall()
    const floodHalf = async () => {
      for (let n = 0; n < FLOOD / 2 && (await online()); n += AT_A_TIME) await flood(`stalled by ${name}`, 'flood', () => FILLING)
    }
    // What the systems on both sides keep: the client is stalled from then on.
    await floodHalf()
    const since = performance.now()
    const [beside, without] = [[], []]
    // While it is there: on a slow machine that is not for long.
    for (let n = 0; n < 300 && (n % 10 > 0 || (await online())); n++) {
      without.push(await sayBesideNobody(n))
      beside.push(await sayBesideStalled(n))
    }
    await floodHalf()
    const growth = server.memory() - memoryBefore
    while (await online()) {
      assert.ok(performance.now() - since < GONE_MS, 'gone within 30 s')
      await sleep(50)
    }
    const gone = (performance.now() - since) / 1000
    const ratio = median(beside) / median(without)
    t.diagnostic(`${beside.length} measured, gone after ${gone.toFixed(1)} s, others' latency × ${ratio.toFixed(2)}, ${Math.round(growth / 1024 / 1024)} MiB grown`)
    assert.ok(beside.length >= 20, 'it was still there while others were measured')
    assert.ok(ratio < MAX_RATIO, `others waited ${ratio} times as long`)
    // The room's log has all 24 MiB, the client's buffer a part of the same frames, each call 800 kB
    // more; the rest is an allocator that keeps what it had.
    assert.ok(growth < MAX_GROWTH, `the server grew by ${growth} bytes`)
  })
}
