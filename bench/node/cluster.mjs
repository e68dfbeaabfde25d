// Several servers on one Redis: deliveries a second of one, two and three of them, how long an event is
// under way, and what it costs, whatever else there is.
import { once } from 'node:events'
import { connect } from 'node:net'
import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { WebSocket } from 'ws'
import { token } from '../../server/tests/clients/node/api.mjs'
import { startCluster } from '../../server/tests/clients/node/cluster.mjs'
import { startRedis } from '../../server/tests/clients/node/redis.mjs'

const KEY = 'a key for back ends'
// Whoever falls behind is sent the rest: all is delivered.
const SETTINGS = { PUBLISH_KEY: KEY, RATE_LIMIT_MAX: '1000000', LOG_EVENTS: '1000000', LOG_BYTES: '1GiB' }
const BATCH = 100
const SECONDS = Number(process.env.BENCH_SECONDS ?? 5)

/** What is to be ended, the last first. */
const ends = []
const t = { after: (end) => ends.unshift(end) }

const median = (values, at = 0.5) => [...values].sort((one, other) => one - other)[Math.floor(at * (values.length - 1))]
const rounded = (value) => Number(value.toPrecision(3)).toLocaleString('en')

/** A member of a room, which counts what it is sent; `heard` is called with each. */
async function join(server, user, room, heard) {
  const socket = new WebSocket(`${server.url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`)
  t.after(() => socket.terminate())
  const joined = new Promise((resolve) => {
    socket.on('message', (data) => {
      const text = String(data)
      if (text.startsWith('0')) socket.send(`40${JSON.stringify({ token: token(user) })}`)
      else if (text === '2') socket.send('3')
      else if (text.startsWith('42["authenticated"')) socket.send(`420${JSON.stringify(['room:join', { room }])}`)
      else if (text.startsWith('430')) resolve()
      else if (text.startsWith('42["said"')) heard()
    })
  })
  await once(socket, 'open')
  await joined
}

async function publish(server, room, count) {
  const batch = Array.from({ length: count }, (_, n) => ({ room, event: 'said', data: { n, filling: 'x'.repeat(100) } }))
  const headers = { 'content-type': 'application/json', 'x-api-key': KEY }
  const response = await fetch(`${server.url}/api/publish`, { method: 'POST', headers, body: JSON.stringify({ batch }) })
  if (!response.ok) throw new Error(`a publish was answered ${response.status}: ${await response.text()}`)
  await response.arrayBuffer()
}

/** How often Redis was given each command so far. */
async function commands(redis) {
  const socket = connect(redis.port, '127.0.0.1').setEncoding('utf8')
  socket.write('INFO commandstats\r\n')
  let text = ''
  while (!/^\$(\d+)\r\n/.test(text) || text.length < Number(/^\$(\d+)/.exec(text)[1])) text += (await once(socket, 'data'))[0]
  socket.destroy()
  return Object.fromEntries([...text.matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm)].map(([, name, calls]) => [name, Number(calls)]))
}

/** A cluster with members: `rooms` of `perRoom`, over the first `spread` servers. */
async function gather(cluster, rooms, perRoom, spread, name, heard) {
  for (let first = 0; first < rooms * perRoom; first += 100) {
    const some = Array.from({ length: Math.min(100, rooms * perRoom - first) }, (_, at) => first + at)
    await Promise.all(some.map((n) => join(cluster.server(n % spread), `user-${n}`, `room:${name}-${Math.floor(n / perRoom)}`, heard)))
  }
}

async function started(servers, redis) {
  return startCluster(t, servers, () => ({ ...SETTINGS, ...(redis && { REDIS_URL: redis.url }) }))
}

async function end() {
  for (const end of ends.splice(0)) await end()
}

/** Deliveries a second, and of a second of the servers' processor time. */
async function throughput(servers, overRedis) {
  const redis = overRedis && (await startRedis(t, { persistent: true }))
  const cluster = await started(servers, redis)
  let heard = 0
  await gather(cluster, 30, 10, servers, 'bench', () => (heard += 1))
  const all = Array.from({ length: servers }, (_, n) => cluster.server(n))
  const ticks = () => all.reduce((sum, server) => sum + server.processorTicks(), 0)
  const before = { heard, ticks: ticks(), at: performance.now() }
  const until = before.at + SECONDS * 1000
  let published = 0
  await Promise.all(Array.from({ length: 6 }, async (_, publisher) => {
    for (let n = 0; performance.now() < until; n++) {
      await publish(all[(publisher + n) % servers], `room:bench-${(publisher * 5 + n) % 30}`, BATCH)
      published += BATCH
    }
  }))
  while (heard < published * 10) await sleep(5)
  const seconds = (performance.now() - before.at) / 1000
  const processor = (ticks() - before.ticks) / 100
  await end()
  return { servers, backplane: overRedis ? 'Redis' : 'memory', 'deliveries/s': rounded(heard / seconds), 'events/s': rounded(published / seconds), 'deliveries per CPU second': rounded(heard / processor) }
}

/** From the call that publishes to the member that hears, one at a time, in milliseconds. */
async function latency(overRedis, apart) {
  const redis = overRedis && (await startRedis(t, { persistent: true }))
  const cluster = await started(apart ? 2 : 1, redis)
  let heard
  await join(cluster.server(apart ? 1 : 0), 'anna', 'room:latency', () => heard())
  const took = []
  for (let n = 0; n < 500; n++) {
    const hearing = new Promise((resolve) => (heard = resolve))
    const began = performance.now()
    await Promise.all([publish(cluster.server(0), 'room:latency', 1), hearing.then(() => took.push(performance.now() - began))])
  }
  await end()
  return { backplane: overRedis ? 'Redis' : 'memory', member: apart ? 'of another server' : 'of the same server', 'median ms': rounded(median(took)), 'of 100, 99 within ms': rounded(median(took, 0.99)) }
}

/** What an event costs where its one room has members of one server, whatever else there is. */
async function cost(servers, otherRooms) {
  const redis = await startRedis(t, { persistent: true })
  const cluster = await started(servers, redis)
  let heard = 0
  await gather(cluster, 1, 5, 1, 'bench', () => (heard += 1))
  await gather(cluster, otherRooms, 1, servers, 'other', () => {})
  const events = 2_000
  await publish(cluster.server(0), 'room:bench-0', BATCH)
  const idleFor = 2
  const idle = await commands(redis)
  await sleep(idleFor * 1000)
  const before = await commands(redis)
  const ticks = Array.from({ length: servers }, (_, n) => cluster.server(n).processorTicks())
  const began = performance.now()
  for (let n = 0; n < events; n += BATCH) await publish(cluster.server(0), 'room:bench-0', BATCH)
  while (heard < (events + BATCH) * 5) await sleep(1)
  const seconds = (performance.now() - began) / 1000
  const after = await commands(redis)
  const others = ticks.slice(1).map((had, n) => cluster.server(n + 1).processorTicks() - had)
  // What goes on without events is none of theirs.
  const of = (name) => ((after[name] ?? 0) - (before[name] ?? 0) - (((before[name] ?? 0) - (idle[name] ?? 0)) / idleFor) * seconds) / events
  const each = Object.keys(after).filter((name) => of(name) >= 0.02)
  await end()
  return {
    servers, 'other rooms': otherRooms, 'commands an event': each.reduce((sum, name) => sum + of(name), 0).toFixed(1),
    'which': each.map((name) => `${name} ${of(name).toFixed(1)}`).join(', '),
    'CPU of a server without members, of 100': others.length === 0 ? '' : rounded((Math.max(...others) / (seconds * 100)) * 100),
  }
}

const rows = async (title, measure, ...cases) => {
  console.log(`\n${title}`)
  const table = []
  for (const each of cases) table.push(await measure(...each))
  console.table(table)
}

await rows('30 rooms of 10 members', throughput, [1, false], [1, true], [2, true], [3, true])
await rows('one event at a time', latency, [false, false], [true, false], [true, true])
await rows('an event to one room of 5 members of one server', cost, [1, 0], [1, 500], [3, 0], [3, 500])
