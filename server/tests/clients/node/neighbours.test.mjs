// Clients and servers of the next version, which say more than this server knows: nothing of it is an error.
import assert from 'node:assert/strict'
import { readFileSync, readdirSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { token } from './api.mjs'
import { ask, next, open, record, refusal, signedIn } from './client.mjs'
import { eventually, lastFirst, startRedis, tellRedis } from './redis.mjs'
import { startServer } from './server.mjs'

let server
before(async () => {
  server = await startServer({ env: { RATE_LIMIT_MAX: '100000' } })
})
after(() => server.stop())

function withAddedFields(value) {
  if (Array.isArray(value)) return value.map(withAddedFields)
  if (typeof value !== 'object' || value === null) return value
  return { ...Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, withAddedFields(inner)])), addedLater: 7 }
}

const root = new URL('../../../../protocol/fixtures/', import.meta.url)
const events = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.json'))
  .map((path) => JSON.parse(readFileSync(new URL(path, root), 'utf8')))
  .filter(({ direction }) => direction === 'client')

test('every event of a client may have fields that were added later', async (t) => {
  assert.ok(events.length > 10)
  for (const { event, payload } of events) {
    const answers = []
    for (const said of [payload, withAddedFields(payload)]) {
      const socket = await signedIn(t, server, 'anna')
      const [{ ok, error }] = await Promise.race([
        ask(socket, event, said, { id: crypto.randomUUID(), addedLater: 7 }).then((answer) => [answer]),
        // Some sign-ins are answered by being cut off.
        next(socket, 'disconnect').then(() => [{ ok: false, error: { code: 'disconnected' } }]),
      ])
      answers.push(ok || error.code)
      socket.disconnect()
    }
    assert.equal(answers[1], answers[0], event)
    assert.notEqual(answers[0], 'INVALID_PAYLOAD', event)
  }
})

test('an event that was added later is refused, and the connection stays', async (t) => {
  const socket = await signedIn(t, server, 'anna')
  assert.equal((await ask(socket, 'tea:pour', { cups: 2 })).error.code, 'UNKNOWN_EVENT')
  assert.equal((await ask(socket, 'ping', {})).ok, true)
})

test('a handshake may have more in it, of a later minor version; another major version is refused', async (t) => {
  const resume = [{ room: 'room:tea', epoch: 'e', offset: 3, addedLater: 7 }]
  const socket = await signedIn(t, server, 'anna', { auth: { token: token('anna'), protocol: '1.99', addedLater: { a: 1 }, resume } })
  assert.equal((await ask(socket, 'ping', {})).ok, true)
  assert.match(await refusal(open(t, server, { auth: { token: token('anna'), protocol: '2.0' } })), /^UPGRADE_REQUIRED/)
})

test('an event that this server does not know passes through a room, and its log', async (t) => {
  const [ben, anna] = [await signedIn(t, server, 'ben'), await signedIn(t, server, 'anna')]
  const { data } = await ask(ben, 'room:join', 'tea')
  await ask(anna, 'room:join', 'tea')
  const said = next(ben, 'broadcast')
  await ask(anna, 'broadcast', { room: 'tea', event: 'tea:poured', data: { cups: 2 }, addedLater: 7 })
  assert.deepEqual((await said)[0].data, { cups: 2 })
  const history = await ask(ben, 'room:history', { room: 'room:tea', epoch: data.position.epoch, after: data.position.offset, addedLater: 7 })
  assert.equal(history.data.events.length, 1)
})

test('what a server of the next version writes into Redis is understood as far as it can be', async (t) => {
  const ends = lastFirst(t)
  const redis = await startRedis(ends)
  let log = ''
  const start = async () => {
    const env = { REDIS_URL: redis.url, PUBLISH_KEY: 'a key', LOG_EVENTS: '8' }
    const started = await startServer({ env, log: (text) => (log += text) })
    ends.after(() => started.stop())
    return started
  }
  const tea = 'samewire:{room:tea}'
  const [first, ben] = await start().then(async (first) => [first, await signedIn(t, first, 'ben')])
  const { data: { position } } = await ask(ben, 'room:join', 'tea')
  const heard = record(ben)
  const said = () => heard.filter(([event]) => event === 'tea:poured').map(([, { cups }, { offset }]) => [cups, offset])

  // It is there, and so is Anna by way of it.
  const at = new Date().toISOString()
  await tellRedis(redis, 'SET', 'samewire:{servers}:newer', JSON.stringify(withAddedFields({ connections: 1, userConnections: 1, activeUsers: 1, projects: {} })), 'PX', 600_000)
  await tellRedis(redis, 'SADD', 'samewire:{servers}', 'newer')
  await tellRedis(redis, 'SADD', 'samewire:{servers}:newer:users', 'anna')
  const tab = withAddedFields({ server: 'newer', user: 'anna', name: 'Anna', status: 'levitating', state: { cup: 1 }, joinedAt: at, at })
  await tellRedis(redis, 'HSET', `${tea}:presence`, 'her connection', JSON.stringify(tab), 'of another kind', '{}')
  await tellRedis(redis, 'PUBLISH', tea, `c${JSON.stringify({ server: 'newer', addedLater: 7, connection: 'her connection', change: { present: tab } })}`)
  const changed = (event) => ([name, { joined = [] }]) => name === event && joined.some(({ userId }) => userId === 'anna')
  await eventually('Anna is seen', () => heard.some(changed('presence:update')))

  // Of all that it tells the room of, this is what nobody knows of here.
  for (const unknown of ['z', 'zzz {}', 'c{}', 'cnonsense', `c${JSON.stringify({ server: 'newer', connection: 'x', change: { levitated: { user: 'anna' } } })}`, 'd', 'd7', `d7 ${JSON.stringify({ server: 'newer', dismissal: { enchanted: {} } })}`]) {
    await tellRedis(redis, 'PUBLISH', tea, unknown)
  }

  const publish = (cups) => tellRedis(redis, 'EVAL', `
    local meta = redis.call('HMGET', ARGV[1] .. ':log', 'epoch', 'offset', 'tag')
    local offset, tag, at = meta[2] + 1, 'tag-' .. meta[2] + 1, redis.call('TIME')[1] .. '000'
    redis.call('XADD', ARGV[1] .. ':records', offset .. '-0', 'addedLater', '7', 'a', at, 't', tag, 'p', meta[3], 'r', ARGV[2], 'more', '7')
    redis.call('HSET', ARGV[1] .. ':log', 'offset', offset, 'tag', tag, 'addedLater', 7)
    redis.call('PUBLISH', ARGV[1], 'e' .. table.concat({ meta[1], offset, at, tag, meta[3], 'more' }, ' ') .. '\\n' .. ARGV[2])
  `, 0, tea, `${JSON.stringify({ event: 'tea:poured', payload: JSON.stringify({ cups }).length, addedLater: { a: 1 } })}\n${JSON.stringify({ cups })}`)
  for (let cups = 1; cups <= 3; cups += 1) await publish(cups)
  await eventually('what it published is heard', () => said().length === 3)
  assert.deepEqual(said(), [[1, 1], [2, 2], [3, 3]])

  // A server that comes later reads it all from Redis.
  const second = await start()
  const carl = await signedIn(t, second, 'carl')
  const missed = record(carl)
  const joined = await ask(carl, 'room:join', { room: 'tea', since: position })
  assert.deepEqual([joined.data.recovered, joined.data.missed], [true, 3])
  assert.deepEqual(joined.data.users.map(({ userId, status }) => [userId, status]), [['anna', 'online'], ['ben', 'online'], ['carl', 'online']])
  await eventually('what was missed is heard', () => missed.filter(([event]) => event === 'tea:poured').length === 3)
  const state = await fetch(`${second.url}/api/rooms/room:tea`, { headers: { 'x-api-key': 'a key' } })
  assert.equal((await state.json()).connections, 3)

  // What it answered is the answer here, too.
  const id = crypto.randomUUID()
  await tellRedis(redis, 'HSET', 'samewire:{user:ben}:emits', id, `a${JSON.stringify(withAddedFields({ answer: { poured: true } }))}`)
  assert.deepEqual(await ask(ben, 'broadcast', { room: 'tea', event: 'x', data: 1 }, { id }), { ok: true, data: { poured: true, addedLater: 7 } })

  // The log goes on from its records, until they are trimmed.
  for (let n = 0; n < 10; n += 1) assert.equal((await ask(ben, 'broadcast', { room: 'tea', event: 'x', data: n })).ok, true)
  await publish(4)
  await eventually('all is heard', () => said().length === 4)
  assert.deepEqual(said().at(-1), [4, 14])

  // A record of a kind that can't be read is a loss, of which all are told: the room goes on.
  const cut = Promise.all([ben, carl].map((socket) => next(socket, 'disconnect')))
  await tellRedis(redis, 'EVAL', `
    local meta = redis.call('HMGET', ARGV[1] .. ':log', 'epoch', 'offset', 'tag')
    local offset = meta[2] + 1
    redis.call('XADD', ARGV[1] .. ':records', offset .. '-0', 'a', 0, 't', 'later', 'p', meta[3], 'another', 'kind')
    redis.call('HSET', ARGV[1] .. ':log', 'offset', offset, 'tag', 'later')
    redis.call('PUBLISH', ARGV[1], 'e' .. table.concat({ meta[1], offset, 0, 'later', meta[3] }, ' ') .. '\\nof another kind')
  `, 0, tea)
  await cut
  const again = await signedIn(t, first, 'dora')
  const back = await ask(again, 'room:join', { room: 'tea', since: { epoch: position.epoch, offset: 14 } })
  assert.deepEqual([back.ok, back.data.recovered, back.data.position.offset], [true, false, 15])
  const spoken = next(again, 'broadcast')
  assert.equal((await ask(again, 'broadcast', { room: 'tea', event: 'x', data: 'now' })).ok, true)
  assert.equal((await spoken)[1].offset, 16)
  // That Redis is taken for away on a machine that stands still is none of it.
  assert.deepEqual(log.split('\n').filter((line) => line !== '' && !line.includes('"Redis is away"')), [])
})
