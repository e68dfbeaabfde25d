// Several servers on one Redis and one store act as one: what a user sends counts together, an emit is
// acted on once, and what is counted counts all (operations.md, "Backplane").
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { test } from 'node:test'
import { call, createProject } from './api.mjs'
import { ask, signedIn } from './client.mjs'
import { newDatabase, removeDatabase } from './database.mjs'
import { eventually, lastFirst, startRedis } from './redis.mjs'
import { startServer } from './server.mjs'

/** Two servers on one Redis and one store; `env` may differ by the server's number. */
async function startServers(t, env = {}) {
  const ends = lastFirst(t)
  const redis = await startRedis(ends, { persistent: true })
  const database = newDatabase()
  const envOf = (number) => (typeof env === 'function' ? env(number) : env)
  const start = (number) => startServer({ database, env: { REDIS_URL: redis.url, ...envOf(number) } })
  const servers = [await start(0), await start(1)]
  ends.after(async () => {
    for (const server of servers) await server.end('SIGKILL')
    removeDatabase(database)
  })
  return { redis, servers }
}

const title = (title) => [{ title }, { id: randomUUID() }]

test('a user\'s window counts over all servers', async (t) => {
  const { servers } = await startServers(t, { RATE_LIMIT_MAX: '6', RATE_LIMIT_WINDOW: '1h' })
  const sockets = [await signedIn(t, servers[0], 'anna'), await signedIn(t, servers[1], 'anna')]
  for (let n = 0; n < 3; n++) {
    assert.equal((await ask(sockets[0], 'room:join', 'lobby')).ok, true)
    assert.equal((await ask(sockets[1], 'conversation:create', ...title('one'))).ok, true)
  }
  for (const socket of sockets) {
    const { error } = await ask(socket, 'room:join', 'lobby')
    assert.equal(error.code, 'RATE_LIMIT_EXCEEDED')
    assert.ok(error.retryAfterMs > 500_000 && error.retryAfterMs <= 600_000, error.retryAfterMs)
  }
  const other = await signedIn(t, servers[1], 'ben')
  assert.equal((await ask(other, 'room:join', 'lobby')).ok, true)
})

test('an emit repeated on another server is answered, and not acted on again', async (t) => {
  const { servers } = await startServers(t)
  const sockets = [await signedIn(t, servers[0], 'anna'), await signedIn(t, servers[1], 'anna')]
  const emit = title('only once')
  const first = await ask(sockets[0], 'conversation:create', ...emit)
  assert.equal(first.ok, true)
  assert.deepEqual(await ask(sockets[1], 'conversation:create', ...emit), first)
  const atOnce = title('at once')
  const both = await Promise.all(sockets.map((socket) => ask(socket, 'conversation:create', ...atOnce)))
  assert.deepEqual(both[0], both[1])
  const missing = [{ conversationId: 'missing', title: 'x' }, { id: randomUUID() }]
  const refused = await ask(sockets[0], 'conversation:update', ...missing)
  assert.equal(refused.ok, false)
  assert.deepEqual(await ask(sockets[1], 'conversation:update', ...missing), refused)
  const { body } = await call(servers[1], 'GET', '/api/conversations', { as: 'anna' })
  assert.deepEqual(body.conversations.map(({ title }) => title).sort(), ['at once', 'only once'])
})

test('without Redis what needs it is refused as UNAVAILABLE, and served again when it is back', async (t) => {
  const { redis, servers } = await startServers(t, { RUST_LOG: 'off' })
  const socket = await signedIn(t, servers[0], 'anna')
  await redis.stop()
  const emit = title('in the end')
  await eventually('it is refused', async () => {
    const { ok, error } = await ask(socket, 'conversation:create', ...emit)
    if (!ok) assert.equal(error.code, 'UNAVAILABLE')
    return !ok
  })
  await redis.start()
  await eventually('it is served', async () => (await ask(socket, 'conversation:create', ...emit)).ok)
  const { body } = await call(servers[1], 'GET', '/api/conversations', { as: 'anna' })
  assert.equal(body.conversations.length, 1)
})

test('what is counted counts all servers, and no user twice', async (t) => {
  const { servers } = await startServers(t)
  const project = await createProject(servers[0], 'anna')
  const sockets = [await signedIn(t, servers[0], 'anna'), await signedIn(t, servers[1], 'anna'), await signedIn(t, servers[1], 'ben')]
  for (const socket of sockets.slice(0, 2)) assert.equal((await ask(socket, 'join-project', project.id)).ok, true)
  const stats = async (server) => (await call(server, 'GET', '/api/websocket/stats', { as: 'ben' })).body
  const tell = (what, server, expected) =>
    eventually(`${what}: ${JSON.stringify(expected)}`, async () => {
      const { totalConnections, authenticatedUsers, averageConnectionsPerUser, projectConnections } = await stats(server)
      const told = { totalConnections, authenticatedUsers, averageConnectionsPerUser, projectConnections }
      return JSON.stringify(told) === JSON.stringify(expected)
    })
  for (const server of servers) {
    const projectConnections = [{ projectId: project.id, connectionCount: 2 }]
    await tell('both', server, { totalConnections: 3, authenticatedUsers: 2, averageConnectionsPerUser: 1.5, projectConnections })
    const { body } = await call(server, 'GET', '/health')
    assert.deepEqual(body.services.websocket, { status: 'active', connections: 3, authenticatedUsers: 2 })
  }
  sockets[2].disconnect()
  await tell('ben left', servers[0], {
    totalConnections: 2, authenticatedUsers: 1, averageConnectionsPerUser: 2,
    projectConnections: [{ projectId: project.id, connectionCount: 2 }],
  })
  await servers[1].end('SIGKILL')
  await tell('a server died', servers[0], {
    totalConnections: 1, authenticatedUsers: 1, averageConnectionsPerUser: 1,
    projectConnections: [{ projectId: project.id, connectionCount: 1 }],
  })
})

test('a feed is read by one server, and by another once that one is dead', async (t) => {
  const askers = []
  const feed = createServer((request, response) => {
    askers.push(Number(new URL(request.url, 'http://feed').searchParams.get('server')))
    response.end(JSON.stringify({ messages: [] }))
  })
  feed.listen(0, '127.0.0.1')
  await once(feed, 'listening')
  t.after(() => {
    feed.closeAllConnections()
    feed.close()
  })
  const { servers } = await startServers(t, (number) => ({
    INBOX_POLL_FEEDS: `fax=http://127.0.0.1:${feed.address().port}/?server=${number}`,
    INBOX_POLL_PERIOD: '20ms',
  }))
  const begun = askers.length
  await eventually('it is read', () => askers.length > begun + 50)
  const [owner] = askers
  assert.ok(askers.every((asker) => asker === owner), 'by one')
  await servers[owner].end('SIGKILL')
  await eventually('another reads it', () => askers.includes(1 - owner))
})
