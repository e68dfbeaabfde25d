// A server that is killed loses nothing it acknowledged; one that is stopped says so first.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { describe, test } from 'node:test'
import { beginSession, createProject, finish, ingest, keydown, storedEvents, token } from './api.mjs'
import { ask, next, open, signedIn } from './client.mjs'
import { ownHost, startServer } from './server.mjs'

const BATCH = 50

test('what was acknowledged before SIGKILL is there after a restart', async (t) => {
  const first = await startServer()
  t.after(() => first.stop())
  const project = await createProject(first, 'anna')
  const sessions = await Promise.all(Array.from({ length: 4 }, () => beginSession(first, project)))
  const acknowledged = new Map(sessions.map((id) => [id, 0]))

  // Four senders at once; the server dies under them.
  let killed
  const senders = sessions.map(async (id) => {
    for (let sent = 0; ; sent += BATCH) {
      const batch = Array.from({ length: BATCH }, (_, n) => keydown(sent + n))
      const { status } = await ingest(first, project, id, batch)
      assert.equal(status, 202)
      acknowledged.set(id, sent + BATCH)
      if (sent === 20 * BATCH) killed ??= first.end('SIGKILL')
    }
  })
  await Promise.allSettled(senders)
  assert.deepEqual(await killed, { code: null, signal: 'SIGKILL' })

  const second = await startServer({ database: first.database })
  t.after(() => second.stop())
  for (const [id, count] of acknowledged) {
    const stored = await storedEvents(second, 'anna', id)
    assert.ok(stored.length >= count, `${count} acknowledged, ${stored.length} stored`)
    assert.equal(stored.length % BATCH, 0, 'a batch is stored whole or not at all')
    assert.ok(stored.every(({ n }, at) => n === at))
    // And the session goes on.
    assert.equal((await ingest(second, project, id, [keydown(stored.length)])).status, 202)
    assert.equal((await finish(second, project, id, 'submit')).status, 200)
  }
})

test('a client comes back to a server that was killed', async (t) => {
  const HOST = ownHost()
  const first = await startServer({ env: { HOST } })
  t.after(() => first.stop())
  const socket = open(t, first, {
    auth: { token: token('anna') }, reconnection: true, reconnectionDelay: 50, reconnectionDelayMax: 200,
  })
  await next(socket, 'authenticated')
  const lost = next(socket, 'disconnect')
  const back = next(socket, 'authenticated')
  await first.end('SIGKILL')
  const [reason] = await lost
  assert.match(reason, /^transport (close|error)$/)
  const second = await startServer({
    database: first.database, env: { HOST, PORT: new URL(first.url).port },
  })
  t.after(() => second.stop())
  const [{ userId }] = await back
  assert.equal(userId, 'anna')
})

describe('SIGTERM', () => {
  for (const transport of ['websocket', 'polling']) {
    test(`tells everybody over ${transport}, lets them go, and ends with 0`, async (t) => {
      const server = await startServer()
      t.after(() => server.stop())
      const sockets = await Promise.all(
        Array.from({ length: 5 }, () => signedIn(t, server, 'anna', { transports: [transport] })),
      )
      const told = sockets.map((socket) => next(socket, 'server_shutdown'))
      const gone = sockets.map((socket) => next(socket, 'disconnect'))
      const ended = server.end('SIGTERM')
      const notices = (await Promise.all(told)).map(([notice]) => notice)
      for (const notice of notices) {
        assert.deepEqual(Object.keys(notice).sort(), ['reason', 'reconnectAfterMs'])
        assert.equal(typeof notice.reason, 'string')
        assert.ok(Number.isInteger(notice.reconnectAfterMs) && notice.reconnectAfterMs >= 0)
      }
      // Drawn for each: five times the same is one in billions.
      assert.ok(new Set(notices.map(({ reconnectAfterMs }) => reconnectAfterMs)).size > 1)
      for (const [reason] of await Promise.all(gone)) {
        // After the other reason the official client doesn't come back by itself.
        assert.notEqual(reason, 'io server disconnect')
      }
      assert.deepEqual(await ended, { code: 0, signal: null })
    })
  }

  test('finishes what is under way', async (t) => {
    const server = await startServer()
    t.after(() => server.stop())
    const project = await createProject(server, 'anna')
    const sessionId = await beginSession(server, project)
    const socket = await signedIn(t, server, 'anna')
    await ask(socket, 'join-project', project.id)
    const batch = Array.from({ length: 1000 }, (_, n) => keydown(n))
    const sent = Array.from({ length: 5 }, () => ingest(server, project, sessionId, batch))
    await next(socket, 'event-received')
    const ended = server.end('SIGTERM')
    const answers = await Promise.allSettled(sent)
    assert.deepEqual(await ended, { code: 0, signal: null })

    const acknowledged = answers.filter(({ value }) => value?.status === 202).length
    assert.ok(acknowledged > 0)
    const again = await startServer({ database: server.database })
    t.after(() => again.stop())
    const stored = await storedEvents(again, 'anna', sessionId)
    assert.ok(stored.length >= acknowledged * 1000, `${acknowledged} batches, ${stored.length} events`)
  })

  test('waits for nobody for ever', async (t) => {
    let log = ''
    const env = { REQUEST_TIMEOUT: '1h', RUST_LOG: 'info' }
    const free = await startServer({ env })
    const held = await startServer({ env, log: (text) => (log += text) })
    t.after(() => Promise.all([free, held].map((server) => server.stop())))
    for (const server of [free, held]) await signedIn(t, server, 'anna', { transports: ['websocket'] })
    // A request whose end never comes. That it is under way shows when another one is answered.
    const request = connect(new URL(held.url).port, '127.0.0.1')
    t.after(() => request.destroy())
    request.on('error', () => {})
    const head = `POST /api/projects HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\nAuthorization: Bearer ${token('anna')}\r\nExpect: 100-continue\r\n\r\n`
    request.write(`${head}{"na`)
    await once(request, 'data')

    const order = []
    const ends = [[held, 'held'], [free, 'free']].map(async ([server, name]) => {
      assert.deepEqual(await server.end('SIGTERM'), { code: 0, signal: null })
      order.push(name)
    })
    await Promise.all(ends)
    assert.deepEqual(order, ['free', 'held'], 'it was waited for')
    assert.match(log, /requests did not end in time/)
  })

  test('SIGINT does the same', async (t) => {
    const server = await startServer()
    t.after(() => server.stop())
    const socket = await signedIn(t, server, 'anna', { transports: ['websocket'] })
    const told = next(socket, 'server_shutdown')
    const ended = server.end('SIGINT')
    await told
    assert.deepEqual(await ended, { code: 0, signal: null })
  })
})
