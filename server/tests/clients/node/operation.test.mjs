// What an operator looks at: health, statistics, metrics, the log (http.md, "Operation";
// operations.md, "Logging").
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { beginSession, call, createProject, ingest, keydown, storedEvents, token } from './api.mjs'
import { ask, next, open, refusal, settled, signedIn } from './client.mjs'
import { startServer } from './server.mjs'

let server
before(async () => {
  server = await startServer({ env: { RATE_LIMIT_MAX: '2000', RATE_LIMIT_WINDOW: '10h' } })
})
after(() => server.stop())

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/

test('/health tells of the database and the sockets', async (t) => {
  const sockets = [await signedIn(t, server, 'anna'), await signedIn(t, server, 'anna'), await signedIn(t, server, 'ben')]
  const pending = open(t, server)
  await next(pending, 'connect')
  const { status, body } = await call(server, 'GET', '/health')
  assert.equal(status, 200)
  assert.match(body.timestamp, TIME)
  assert.deepEqual({ ...body, timestamp: undefined }, {
    status: 'ok', timestamp: undefined,
    services: {
      database: 'connected', redis: 'disabled',
      websocket: { status: 'active', connections: 4, authenticatedUsers: 2 },
    },
  })
  const sameFigures = await call(server, 'GET', '/api/websocket/health')
  assert.deepEqual([sameFigures.status, sameFigures.body], [200, body.services.websocket])
  for (const socket of [...sockets, pending]) socket.disconnect()
  while ((await call(server, 'GET', '/api/websocket/health')).body.connections > 0);
})

test('/api/websocket/stats tells of projects and limits, whoever is signed in', async (t) => {
  const project = await createProject(server, 'anna')
  const sockets = [await signedIn(t, server, 'anna'), await signedIn(t, server, 'anna'), await signedIn(t, server, 'ben')]
  for (const socket of sockets.slice(0, 2)) await ask(socket, 'join-project', project.id)
  const { status, body } = await call(server, 'GET', '/api/websocket/stats', { as: 'ben' })
  assert.equal(status, 200)
  assert.deepEqual(body, {
    totalConnections: 3,
    authenticatedUsers: 2,
    averageConnectionsPerUser: 1.5,
    projectCount: 1,
    userCount: 2,
    projectConnections: [{ projectId: project.id, connectionCount: 2 }],
    rateLimitStats: { activeUsers: 1, rateLimitWindow: 36_000_000, maxEventsPerWindow: 2000 },
  })
  assert.equal((await call(server, 'GET', '/api/websocket/stats')).status, 401)
})

// That /health says when the database is out: the tests in Python have the means to take it away.

describe('/metrics', () => {
  const figures = async () => {
    const response = await fetch(`${server.url}/metrics`)
    assert.equal(response.status, 200)
    const lines = (await response.text()).matchAll(/^(samewire_\w+(?:\{[^}]*\})?) (\S+)$/gm)
    return Object.fromEntries([...lines].map(([, name, value]) => [name, Number(value)]))
  }

  test('counts what happens', async (t) => {
    const before = await figures()
    const socket = await signedIn(t, server, 'carla')
    const { data } = await ask(socket, 'room:join', 'measured')
    await ask(socket, 'broadcast', { room: 'measured', event: 'x', data: {} })
    await ask(socket, 'broadcast', { room: 'measured', event: 'x', data: {} })
    const resume = [
      { room: 'room:measured', ...data.position },
      { room: 'room:other', epoch: 'of another life', offset: 7 },
    ]
    await next(open(t, server, { auth: { token: token('carla'), resume } }), 'resumed')
    await ask(socket, 'nobody-serves-this', {})
    const after = await figures()
    const grown = (name) => (after[name] ?? 0) - (before[name] ?? 0)
    assert.ok(after.samewire_connections >= 2 && after.samewire_users >= 1)
    assert.equal(grown('samewire_joins_total{kind="room"}'), 3)
    assert.equal(grown('samewire_joins_total{kind="user"}'), 2)
    assert.equal(grown('samewire_events_in_total{event="broadcast"}'), 2)
    assert.equal(grown('samewire_events_in_total{event="unknown"}'), 1)
    assert.equal(grown('samewire_events_out_total{event="broadcast"}'), 2)
    assert.equal(grown('samewire_events_out_total{event="authenticated"}'), 2)
    assert.equal(grown('samewire_replayed_events_total'), 2)
    assert.equal(grown('samewire_gaps_total'), 1)
    assert.equal(grown('samewire_refusals_total{code="UNKNOWN_EVENT"}'), 1)
    assert.equal(grown('samewire_delivery_seconds_count'), 2)
    assert.equal(grown('samewire_store_seconds_count'), 1)
    assert.ok(after['samewire_delivery_seconds_bucket{le="+Inf"}'] >= 2)
  })

  test('names nothing that a client made up', async (t) => {
    const socket = await signedIn(t, server, 'carla')
    await ask(socket, 'evil"} 1\n', {})
    await ask(socket, 'room:join', 'evil-room')
    const text = await (await fetch(`${server.url}/metrics`)).text()
    assert.ok(!text.includes('evil'))
  })
})

test('an event is told only after what it tells is stored', async (t) => {
  const project = await createProject(server, 'anna')
  const socket = await signedIn(t, server, 'anna')
  await ask(socket, 'join-project', project.id)
  const began = next(socket, 'session-started')
  const session = await beginSession(server, project)
  await began
  for (let n = 0; n < 20; n++) {
    const told = next(socket, 'event-received').then(() => storedEvents(server, 'anna', session))
    await Promise.all([told, ingest(server, project, session, [keydown(n)])])
    assert.equal((await told).at(-1).n, n)
  }
})

describe('the log', () => {
  /** What a server logs of a usual and an unusual visit. */
  async function visit(t, env) {
    let text = ''
    const other = await startServer({ env, log: (more) => (text += more) })
    t.after(() => other.stop())
    const socket = await signedIn(t, other, 'anna')
    await ask(socket, 'authenticate', { token: token('anna') })
    await ask(socket, 'room:join', 'lobby')
    await ask(socket, 'room:leave', 'lobby')
    await ask(socket, 'room:join', 'user:ben')
    await refusal(open(t, other, { auth: { token: 'no token' } }))
    await call(other, 'GET', '/api/projects')
    await settled(socket)
    socket.disconnect()
    while ((await call(other, 'GET', '/api/websocket/health')).body.connections > 0);
    await other.end('SIGTERM')
    const lines = text.trim() === '' ? [] : text.trim().split('\n').map((line) => JSON.parse(line))
    // The database's driver warns of a machine that is slow.
    return lines.filter(({ target }) => !target.startsWith('sqlx'))
  }
  const of = (lines, level) => lines.filter((line) => line.level === level).map(({ fields }) => fields.message)

  test('is JSON where nobody reads it on a terminal, with what happens by level', async (t) => {
    const lines = await visit(t, { RUST_LOG: 'info' })
    for (const message of ['connected', 'signed in', 'joined', 'left', 'disconnected', 'listening', 'stopped']) {
      assert.ok(of(lines, 'INFO').includes(message), message)
    }
    assert.deepEqual(of(lines, 'WARN').sort(), ['refused', 'refused a connection', 'refused a request'])
    assert.deepEqual(of(lines, 'ERROR'), [])
    const told = (message) => lines.find(({ fields }) => fields.message === message).fields
    assert.equal(told('connected').user, 'anna')
    const { user, connection, room } = told('joined')
    assert.deepEqual([user, connection, room], ['anna', told('connected').connection, 'room:lobby'])
  })

  test('says as much as RUST_LOG asks for; info by default', async (t) => {
    assert.deepEqual(of(await visit(t, { RUST_LOG: 'error' }), 'WARN'), [])
    assert.deepEqual(await visit(t, { RUST_LOG: 'off' }), [])
    const byDefault = await visit(t, { RUST_LOG: undefined })
    assert.ok(of(byDefault, 'INFO').length > 0)
    assert.deepEqual(of(byDefault, 'DEBUG'), [])
  })
})
