// Rooms that several servers share, by Redis (operations.md, "Backplane").
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { call, createProject, setActive } from './api.mjs'
import { ask, next, record, settled, signedIn } from './client.mjs'
import { newDatabase, removeDatabase } from './database.mjs'
import { eventually, lastFirst, startRedis } from './redis.mjs'
import { startServer } from './server.mjs'
import { bring, message, WEBHOOK_SECRET } from './webhook.mjs'

const KEY = 'a key for back ends'

/** Two servers on one Redis and one store. */
async function startServers(t, { persistent } = {}) {
  const ends = lastFirst(t)
  const redis = await startRedis(ends, { persistent })
  const database = newDatabase()
  ends.after(() => removeDatabase(database))
  const env = { REDIS_URL: redis.url, PUBLISH_KEY: KEY, RATE_LIMIT_MAX: '1000000', RUST_LOG: 'off', WEBHOOK_SECRET }
  const servers = []
  for (let number = 0; number < 2; number += 1) {
    const server = await startServer({ env, database })
    ends.after(() => server.end('SIGKILL'))
    servers.push(server)
  }
  return { redis, servers }
}

async function backEnd(server, method, path) {
  const response = await fetch(server.url + path, { method, headers: { 'x-api-key': KEY } })
  return { status: response.status, body: await response.json() }
}

const offsets = (heard) => heard.filter(([event]) => event === 'broadcast').map(([, , { offset }]) => offset)
const users = ({ data }) => data.users.map(({ userId }) => userId)

test('members of a room hear the same in the same order, on whichever server', async (t) => {
  const { servers } = await startServers(t)
  const clients = await Promise.all(['anna', 'ben'].map((user, at) => signedIn(t, servers[at], user)))
  for (const client of clients) await ask(client, 'room:join', 'tea')
  const heard = clients.map(record)
  const say = (client, number) => ask(client, 'broadcast', { room: 'tea', event: 'said', data: number })
  for (let number = 0; number < 50; number += 1) {
    const answers = await Promise.all(clients.map((client) => say(client, number)))
    assert.ok(answers.every(({ ok }) => ok), JSON.stringify(answers))
  }
  await eventually('all is heard', () => heard.every((all) => offsets(all).length === 100))
  assert.deepEqual(offsets(heard[0]), Array.from({ length: 100 }, (_, at) => at + 1))
  const said = heard.map((all) => all.filter(([event]) => event === 'broadcast'))
  assert.deepEqual(said[0], said[1])
})

test('who comes back to another server misses nothing', async (t) => {
  const { servers } = await startServers(t)
  const anna = await signedIn(t, servers[0], 'anna')
  const { data: { position } } = await ask(anna, 'room:join', 'tea')
  const ben = await signedIn(t, servers[0], 'ben')
  await ask(ben, 'room:join', 'tea')
  anna.disconnect()
  for (let number = 0; number < 10; number += 1) await ask(ben, 'broadcast', { room: 'tea', event: 'said', data: number })
  const again = await signedIn(t, servers[1], 'anna')
  const heard = record(again)
  const { data } = await ask(again, 'room:join', { room: 'tea', since: position })
  assert.deepEqual([data.recovered, data.missed], [true, 10])
  await eventually('what was missed is heard', () => offsets(heard).length === 10)
  await ask(ben, 'broadcast', { room: 'tea', event: 'said', data: 'now' })
  await eventually('and what follows', () => offsets(heard).length === 11)
  assert.deepEqual(offsets(heard), Array.from({ length: 11 }, (_, at) => at + 1))
})

test('who is in a room is known on all servers, and missed when their server is killed', async (t) => {
  const { servers } = await startServers(t)
  const anna = await signedIn(t, servers[0], 'anna')
  await ask(anna, 'room:join', 'tea')
  const came = next(anna, 'presence:update', ({ joined }) => joined.some(({ userId }) => userId === 'ben'))
  const ben = await signedIn(t, servers[1], 'ben')
  assert.deepEqual(users(await ask(ben, 'room:join', 'tea')), ['anna', 'ben'])
  await came
  const changed = next(anna, 'presence:update', ({ updated }) => updated.some(({ status }) => status === 'busy'))
  await ask(ben, 'presence:update', { room: 'tea', status: 'busy', state: { at: 'the door' } })
  const [{ updated }] = await changed
  assert.deepEqual([updated[0].userId, updated[0].state], ['ben', { at: 'the door' }])
  const state = await backEnd(servers[0], 'GET', '/api/rooms/tea')
  assert.deepEqual([state.body.users.length, state.body.connections], [2, 2])

  const gone = next(anna, 'presence:update', ({ left }) => left.includes('ben'))
  const began = Date.now()
  await servers[1].end('SIGKILL')
  await gone
  t.diagnostic(`missed after ${Date.now() - began} ms`)
})

test('a message is delivered once, though it is acknowledged on each server', async (t) => {
  const { servers } = await startServers(t)
  const sockets = await Promise.all(servers.map((server) => signedIn(t, server, 'anna')))
  const heard = sockets.map(record)
  for (const socket of sockets) socket.on('new_message', (data, meta, acknowledge) => acknowledge())
  const updates = (all) => all.filter(([event]) => event === 'message_status_update').map(([, { messageId }]) => messageId)
  const ids = []
  for (let n = 0; n < 5; n += 1) {
    const { body: { messageId } } = await bring(servers[n % 2], 'sms', message('anna'))
    ids.push(messageId)
    await eventually('both are told', () => heard.every((all) => updates(all).includes(messageId)))
    // What the other acknowledged has been looked at by then, too.
    for (const socket of sockets) await settled(socket)
  }
  for (const all of heard) assert.deepEqual(updates(all), ids)
})

test('a user is logged out of all servers', async (t) => {
  const { servers } = await startServers(t)
  const anna = await Promise.all(servers.map((server) => signedIn(t, server, 'anna')))
  assert.deepEqual((await backEnd(servers[1], 'GET', '/api/users/anna')).body, { online: true, connections: 2 })
  const ended = anna.map((socket) => next(socket, 'disconnect'))
  assert.deepEqual((await backEnd(servers[0], 'POST', '/api/users/anna/disconnect')).body, { disconnected: 2 })
  for (const end of ended) assert.deepEqual((await end)[0], 'io server disconnect')
})

test('a project that is deactivated is left on all servers', async (t) => {
  const { servers } = await startServers(t)
  const project = await createProject(servers[0], 'anna')
  const anna = await Promise.all(servers.map((server) => signedIn(t, server, 'anna')))
  for (const socket of anna) assert.ok((await ask(socket, 'join-project', { projectId: project.id })).ok)
  const told = anna.map((socket) => next(socket, 'error'))
  await setActive(servers[0], 'anna', project, false)
  for (const telling of told) assert.equal((await telling)[0].code, 'PROJECT_INACTIVE')
})

test('who types is told on all servers, until they stop or are gone', async (t) => {
  const { servers } = await startServers(t)
  const anna = await signedIn(t, servers[0], 'anna')
  const { data: conversation } = await ask(anna, 'conversation:create', {})
  const conversationId = conversation.id
  assert.equal((await call(servers[0], 'PUT', `/api/conversations/${conversationId}/participants/ben`, { as: 'anna' })).status, 200)
  const ben = await signedIn(t, servers[1], 'ben')
  for (const socket of [anna, ben]) assert.ok((await ask(socket, 'join:conversation', conversationId)).ok)
  for (const end of [() => ask(anna, 'typing:stop', { conversationId }), () => anna.disconnect()]) {
    // It ends by itself where the rest takes long.
    const [started, stopped] = [next(ben, 'typing:start'), next(ben, 'typing:stop')]
    await ask(anna, 'typing:start', { conversationId })
    assert.equal((await started)[0].userId, 'anna')
    await end()
    await stopped
  }
})

test('Redis goes and comes back with what it knew: sockets stay, and nothing is lost', async (t) => {
  const { redis, servers } = await startServers(t, { persistent: true })
  const clients = await Promise.all(['anna', 'ben'].map((user, at) => signedIn(t, servers[at], user)))
  for (const client of clients) await ask(client, 'room:join', 'tea')
  const heard = clients.map(record)
  const say = (data) => ask(clients[0], 'broadcast', { room: 'tea', event: 'said', data })
  assert.ok((await say(1)).ok)
  await redis.stop()
  // A socket that asks nothing of Redis is served.
  for (const client of clients) await settled(client)
  await redis.start()
  await eventually('it is published again', async () => (await say(2)).ok)
  await eventually('both have heard it', () => heard.every((all) => all.some(([, payload]) => payload?.data === 2)))
  for (const all of heard) {
    const seen = offsets(all)
    assert.deepEqual(seen, seen.map((_, at) => at + 1))
  }
  assert.ok(clients.every((client) => client.connected))
})

test('Redis forgets all: who comes back is told that the log is another', async (t) => {
  const { redis, servers } = await startServers(t)
  const anna = await signedIn(t, servers[0], 'anna', { reconnection: true, reconnectionDelay: 50 })
  const { data: { position } } = await ask(anna, 'room:join', 'tea')
  const ended = next(anna, 'disconnect')
  const back = ended.then(() => next(anna, 'authenticated'))
  await redis.restart()
  await back
  const { data } = await ask(anna, 'room:join', { room: 'tea', since: position })
  assert.equal(data.recovered, false)
  assert.notEqual(data.position.epoch, position.epoch)
})
