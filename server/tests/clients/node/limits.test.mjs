// What a client may cost: each limit is served at, and refused past, by name; the metrics count it
// (wire.md, sections 2 to 7; operations.md). How many connections an address may open is in
// throttle.test.mjs, what a room's log keeps in history.test.mjs.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { beginSession, call, createProject, ingest, keydown, refusals, token } from './api.mjs'
import { ask, next, open, settled, signedIn } from './client.mjs'
import { raw, rawUnsigned } from './raw-client.mjs'
import { startServer } from './server.mjs'

const KEY = 'a key for back ends'
const MESSAGE_BYTES = 1_000_000

let server
before(async () => {
  server = await startServer({ env: { RATE_LIMIT_MAX: '1000000', PUBLISH_KEY: KEY } })
})
after(() => server.stop())

const start = async (t, env) => {
  const other = await startServer({ env })
  t.after(() => other.stop())
  return other
}

/** Runs `act`, and gives how often each code was refused meanwhile. */
async function refusedDuring(act, where = server) {
  const before = await refusals(where)
  await act()
  const after = await refusals(where)
  const grown = Object.entries(after).map(([code, count]) => [code, count - (before[code] ?? 0)])
  return Object.fromEntries(grown.filter(([, count]) => count > 0))
}

const publish = async (body, headers = {}) => {
  const response = await fetch(`${server.url}/api/publish`, {
    method: 'POST', headers: { 'x-api-key': KEY, 'content-type': 'application/json', ...headers }, body,
  })
  return { status: response.status, body: await response.json() }
}

/** A message of exactly so many bytes. */
function message(head, tail, bytes) {
  return head + 'x'.repeat(bytes - head.length - tail.length) + tail
}

describe('events of a user in a window', () => {
  test('are served up to the limit over all connections, and refused past it', async (t) => {
    const strict = await start(t, { RATE_LIMIT_MAX: '10', RATE_LIMIT_WINDOW: '1h' })
    const sockets = [await signedIn(t, strict, 'anna'), await signedIn(t, strict, 'anna')]
    for (let n = 0; n < 10; n++) assert.equal((await ask(sockets[n % 2], 'room:join', 'lobby')).ok, true)
    const refused = await refusedDuring(async () => {
      const { error } = await ask(sockets[0], 'room:join', 'lobby')
      assert.equal(error.code, 'RATE_LIMIT_EXCEEDED')
      assert.ok(error.retryAfterMs > 0 && error.retryAfterMs <= 3_600_000)
      const told = next(sockets[1], 'error')
      sockets[1].emit('room:join', 'lobby')
      const [{ code, event, retryAfterMs }] = await told
      assert.deepEqual([code, event, retryAfterMs > 0], ['RATE_LIMIT_EXCEEDED', 'room:join', true])
    }, strict)
    assert.deepEqual(refused, { RATE_LIMIT_EXCEEDED: 2 })
  })

  test('are not the pings, nor the acknowledgements, nor what rejoins', async (t) => {
    const strict = await start(t, { RATE_LIMIT_MAX: '2', RATE_LIMIT_WINDOW: '1h' })
    const socket = await signedIn(t, strict, 'anna')
    const { data } = await ask(socket, 'room:join', 'lobby')
    for (let n = 0; n < 20; n++) {
      assert.equal((await settled(socket)).ok, true)
      assert.equal((await ask(socket, 'room:join', { room: 'lobby', since: data.position })).ok, true)
    }
    const resume = [{ room: 'room:lobby', ...data.position }]
    const again = open(t, strict, { auth: { token: token('anna'), resume } })
    assert.equal((await next(again, 'resumed'))[0].rooms[0].recovered, true)
    assert.equal((await ask(socket, 'room:leave', 'lobby')).ok, true)
    assert.equal((await ask(socket, 'room:join', 'lobby')).error.code, 'RATE_LIMIT_EXCEEDED')
  })

  test('are also those that sign in again, before anybody looks at the token', async (t) => {
    const strict = await start(t, { RATE_LIMIT_MAX: '2', RATE_LIMIT_WINDOW: '1h' })
    const socket = await signedIn(t, strict, 'anna')
    for (const event of ['authenticate', 'auth:request']) {
      assert.equal((await ask(socket, event, { token: token('anna') })).ok, true)
    }
    const refused = await refusedDuring(async () => {
      for (const event of ['authenticate', 'auth:request']) {
        // A bad token that was looked at would end the connection.
        const { error } = await ask(socket, event, { token: 'no token' })
        assert.equal(error.code, 'RATE_LIMIT_EXCEEDED')
        assert.ok(error.retryAfterMs > 0)
      }
    }, strict)
    assert.deepEqual(refused, { RATE_LIMIT_EXCEEDED: 2 })
    assert.equal((await settled(socket)).ok, true)
    // Who is not signed in yet is not counted: another connection comes in.
    const late = open(t, strict)
    await next(late, 'connect')
    assert.equal((await ask(late, 'authenticate', { token: token('anna') })).ok, true)
  })

  test('are served again when the time has come that the refusal named', { timeout: 60_000 }, async (t) => {
    const strict = await start(t, { RATE_LIMIT_MAX: '2', RATE_LIMIT_WINDOW: '600ms' })
    const socket = await signedIn(t, strict, 'anna')
    let refused
    while (refused === undefined) {
      // At once, so that they are within one window.
      const answers = await Promise.all(Array.from({ length: 3 }, () => ask(socket, 'room:join', 'lobby')))
      refused = answers.at(-1).error
    }
    // The time that is named comes nearer, and then it has come.
    for (let last = refused.retryAfterMs; refused !== undefined; last = refused?.retryAfterMs) {
      refused = (await ask(socket, 'room:join', 'lobby')).error
      assert.ok(refused === undefined || refused.retryAfterMs <= last, `${refused?.retryAfterMs} after ${last} ms`)
    }
  })
})

describe('a message', () => {
  for (const transport of ['websocket', 'polling']) {
    test(`of 1 MB is served over ${transport}, one of a byte more is not`, async (t) => {
      const socket = await signedIn(t, server, 'anna', { transports: [transport] })
      // The acknowledgement's number takes one digit: `20["room:join",{"room":"lobby","x":"…"}]`.
      const envelope = '20["room:join",{"room":"lobby","x":""}]'.length
      const ofSize = (bytes) => ({ room: 'lobby', x: 'x'.repeat(bytes - envelope) })
      assert.equal((await ask(socket, 'room:join', ofSize(MESSAGE_BYTES))).ok, true)
      const refused = await refusedDuring(async () => {
        const { error } = await ask(socket, 'room:join', ofSize(MESSAGE_BYTES + 1))
        assert.equal(error.code, 'PAYLOAD_TOO_LARGE')
      })
      assert.deepEqual(refused, { PAYLOAD_TOO_LARGE: 1 })
      assert.equal((await settled(socket)).ok, true)
    })
  }

  test('that asks to be let in is no exception', async (t) => {
    const { send, frame } = await rawUnsigned(t, server)
    send(message(`40{"token":"${token('anna')}","x":"`, '"}', MESSAGE_BYTES + 2))
    assert.match(await frame('44'), /"PAYLOAD_TOO_LARGE: /)
    send(message(`40{"token":"${token('anna')}","x":"`, '"}', MESSAGE_BYTES + 1))
    await frame('42["authenticated"')
  })

  test('is as large as its binary parts together', async (t) => {
    const socket = await signedIn(t, server, 'anna')
    const parts = (bytes) => ['nobody-serves-this', { a: Buffer.alloc(bytes / 2), b: Buffer.alloc(bytes / 2) }]
    assert.equal((await ask(socket, ...parts(900_000))).error.code, 'UNKNOWN_EVENT')
    assert.equal((await ask(socket, ...parts(1_200_000))).error.code, 'PAYLOAD_TOO_LARGE')
    const longText = { a: Buffer.alloc(1), text: 'x'.repeat(MESSAGE_BYTES) }
    assert.equal((await ask(socket, 'nobody-serves-this', longText)).error.code, 'PAYLOAD_TOO_LARGE')
    assert.equal((await settled(socket)).ok, true)
  })

  test('has up to 64 binary parts', async (t) => {
    const socket = await signedIn(t, server, 'anna')
    const parts = (count) => ['nobody-serves-this', Array.from({ length: count }, () => Buffer.alloc(1))]
    assert.equal((await ask(socket, ...parts(64))).error.code, 'UNKNOWN_EVENT')
    const gone = next(socket, 'disconnect')
    socket.emit(...parts(65))
    await gone
  })

  test('four times as large ends that connection alone', async (t) => {
    const bystander = await signedIn(t, server, 'ben')
    const { socket, send } = await raw(t, server, 'anna')
    const closed = once(socket, 'close')
    send(message('42["x","', '"]', 4 * MESSAGE_BYTES + 2))
    await closed
    assert.equal((await settled(bystander)).ok, true)
  })

  test('by HTTP is bounded too', async () => {
    const body = (bytes) => message('{"room":"lobby","event":"x","data":"', '"}', bytes)
    assert.equal((await publish(body(MESSAGE_BYTES))).status, 200)
    const refused = await refusedDuring(async () => {
      const { status, body: problem } = await publish(body(MESSAGE_BYTES + 1))
      assert.deepEqual([status, problem.code], [413, 'PAYLOAD_TOO_LARGE'])
    })
    assert.deepEqual(refused, { PAYLOAD_TOO_LARGE: 1 })
  })
})

describe('a connection', () => {
  test('is in 256 rooms besides its user\'s own, and in no more', async (t) => {
    const socket = await signedIn(t, server, 'anna')
    for (let n = 0; n < 256; n++) assert.equal((await ask(socket, 'room:join', `room-${n}`)).ok, true)
    const refused = await refusedDuring(async () => {
      assert.equal((await ask(socket, 'room:join', 'one-more')).error.code, 'TOO_MANY_ROOMS')
    })
    assert.deepEqual(refused, { TOO_MANY_ROOMS: 1 })
    assert.equal((await ask(socket, 'room:join', 'room-7')).ok, true, 'in it already')
  })

  test('resumes 256 rooms, and no more', async (t) => {
    const resume = Array.from({ length: 257 }, (_, n) => ({ room: `room:resumed-${n}`, epoch: 'e', offset: 0 }))
    const refused = await refusedDuring(async () => {
      const socket = open(t, server, { auth: { token: token('anna'), resume } })
      const [{ rooms }] = await next(socket, 'resumed')
      assert.deepEqual(rooms.filter(({ error }) => error).map(({ room, error }) => [room, error.code]), [['room:resumed-256', 'TOO_MANY_ROOMS']])
    })
    assert.deepEqual(refused, { TOO_MANY_ROOMS: 1 })
  })

  test('has a time to ask for being let in', async (t) => {
    const hasty = await start(t, { CONNECT_TIMEOUT: '3s' })
    const { socket } = await rawUnsigned(t, hasty)
    await once(socket, 'close')
    assert.equal((await settled(await signedIn(t, hasty, 'anna'))).ok, true)
  })

  test('may ask in vain a few times', async (t) => {
    const { socket, send, frame } = await rawUnsigned(t, server)
    const closed = once(socket, 'close')
    for (let n = 0; n < 8; n++) {
      send('40{"token":"no token"}')
      assert.match(await frame('44'), /"TOKEN_INVALID: /)
    }
    await closed
    const patient = await rawUnsigned(t, server)
    for (let n = 0; n < 7; n++) patient.send('40{"token":"no token"}')
    patient.send(`40{"token":"${token('anna')}"}`)
    await patient.frame('42["authenticated"')
  })

  test('that answers no ping is gone', async (t) => {
    const hasty = await start(t, { PING_INTERVAL: '1s', PING_TIMEOUT: '10s' })
    const socket = await signedIn(t, hasty, 'ben')
    const deaf = await rawUnsigned(t, hasty)
    const closed = once(deaf.socket, 'close')
    deaf.socket.removeAllListeners('message')
    deaf.send(`40{"token":"${token('anna')}"}`)
    await closed
    // One that answers, and was there before, stays for longer.
    await next(socket.io, 'ping')
    assert.equal(socket.connected, true)
  })

  test('may have only so much waiting', async (t) => {
    const tight = await start(t, { QUEUE_BYTES: '2000B' })
    const socket = await signedIn(t, tight, 'anna')
    const envelope = '20["room:join",{"room":"lobby","x":""}]'.length
    const ofSize = (bytes) => ({ room: 'lobby', x: 'x'.repeat(bytes - envelope) })
    assert.equal((await ask(socket, 'room:join', ofSize(1900))).ok, true)
    const refused = await refusedDuring(async () => {
      const { error } = await ask(socket, 'room:join', ofSize(2100))
      assert.equal(error.code, 'RATE_LIMIT_EXCEEDED')
      assert.ok(error.retryAfterMs > 0)
    }, tight)
    assert.deepEqual(refused, { RATE_LIMIT_EXCEEDED: 1 })
    assert.equal((await settled(socket)).ok, true)
  })

  test('that does not sign in ends', async (t) => {
    const hasty = await start(t, { AUTH_TIMEOUT: '300ms' })
    const refused = await refusedDuring(async () => {
      const socket = open(t, hasty, { transports: ['websocket'] })
      await next(socket, 'auth_error')
    }, hasty)
    assert.deepEqual(refused, { AUTH_TIMEOUT: 1 })
  })
})

describe('a request', () => {
  /** Sends some of a request, and gives what came until the server closed. */
  async function sent(server, text) {
    const socket = connect(new URL(server.url).port, '127.0.0.1')
    let answer = ''
    socket.setEncoding('utf8').on('data', (more) => (answer += more))
    socket.on('error', () => {})
    socket.write(text)
    await once(socket, 'close')
    return answer
  }

  test('comes in time, head and body, or its connection ends', async (t) => {
    const hasty = await start(t, { REQUEST_TIMEOUT: '3s' })
    const head = 'POST /api/projects HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 10\r\n'
    const slow = ['', 'GET /health HTTP/1.1\r\nHost: x\r\nX-Slow: ', `${head}Authorization: Bearer ${token('anna')}\r\n\r\n{"na`]
    const [nothing, half, answer] = await Promise.all(slow.map((text) => sent(hasty, text)))
    assert.deepEqual([nothing, half], ['', ''])
    assert.match(answer, /^HTTP\/1.1 400 /)
    // Who goes on to ask is served for longer than those who say nothing, and so is a websocket.
    const socket = await signedIn(t, hasty, 'anna', { transports: ['websocket'] })
    let gone = false
    sent(hasty, '').then(() => (gone = true))
    while (!gone) assert.equal((await fetch(`${hasty.url}/health`)).status, 200)
    assert.equal((await settled(socket)).ok, true)
  })
})

describe('a join', () => {
  test('names a room of up to 256 bytes', async (t) => {
    const socket = await signedIn(t, server, 'anna')
    const name = 'n'.repeat(256 - 'room:'.length)
    assert.equal((await ask(socket, 'room:join', name)).ok, true)
    assert.equal((await ask(socket, 'room:join', `${name}n`)).error.code, 'INVALID_PAYLOAD')
  })

  test('asks for up to 100 events, of names of up to 128 bytes', async (t) => {
    const socket = await signedIn(t, server, 'anna')
    const join = (events) => ask(socket, 'room:join', { room: 'lobby', events })
    const names = (count) => Array.from({ length: count }, (_, n) => `event-${n}`)
    assert.equal((await join(names(100))).ok, true)
    assert.equal((await join(names(101))).error.message, 'events: expected at most 100 names')
    assert.equal((await join(['a', 'b'.repeat(128)])).ok, true)
    assert.equal((await join(['a', 'b'.repeat(129)])).error.message, 'events[1]: expected at most 128 bytes')
  })
})

describe('a call', () => {
  test('publishes up to 1,000 events', async () => {
    const batch = (count) => JSON.stringify({ batch: Array(count).fill({ room: 'lobby', event: 'e' }) })
    assert.equal((await publish(batch(1000))).body.published, 1000)
    assert.equal((await publish(batch(1001))).body.detail, 'batch: expected 1 to 1000 events')
    assert.equal((await publish(batch(0))).status, 400)
  })

  test('publishes events with names of up to 128 bytes', async () => {
    const named = (bytes) => JSON.stringify({ room: 'lobby', event: 'e'.repeat(bytes) })
    assert.equal((await publish(named(128))).status, 200)
    assert.equal((await publish(named(129))).body.detail, 'event: expected a name of 1 to 128 bytes')
  })

  test('brings up to 1,000 tracked events', async () => {
    const project = await createProject(server, 'anna')
    const session = await beginSession(server, project)
    const batch = (count) => Array.from({ length: count }, (_, n) => keydown(n))
    assert.deepEqual((await ingest(server, project, session, batch(1000))).body, { stored: 1000, broadcast: 10 })
    const { status, body } = await ingest(server, project, session, batch(1001))
    assert.deepEqual([status, body.detail], [400, 'events: expected 1 to 1000 events'])
    assert.equal((await ingest(server, project, session, [])).status, 400)
  })

  test('names a project by up to 200 bytes, and a visitor by up to 256', async () => {
    const create = (name) => call(server, 'POST', '/api/projects', { as: 'anna', body: { name } })
    assert.equal((await create('n'.repeat(200))).status, 201)
    assert.equal((await create('n'.repeat(201))).body.detail, 'name: expected 1 to 200 bytes')
    const project = await createProject(server, 'anna')
    const begin = (externalUserId) =>
      call(server, 'POST', `/api/projects/${project.id}/sessions`, { key: project.ingestKey, body: { externalUserId } })
    assert.equal((await begin('v'.repeat(256))).status, 201)
    assert.equal((await begin('v'.repeat(257))).body.detail, 'externalUserId: expected 1 to 256 bytes')
  })
})

test('of a batch so many events are sent as is set', async (t) => {
  const other = await start(t, { BROADCAST_EVENTS: '3' })
  const project = await createProject(other, 'anna')
  const session = await beginSession(other, project)
  const { body } = await ingest(other, project, session, [1, 2, 3, 4].map(keydown))
  assert.deepEqual(body, { stored: 4, broadcast: 3 })
})

test('a session without events for so long has been abandoned', async (t) => {
  const other = await start(t, { SESSION_TIMEOUT: '1s' })
  const project = await createProject(other, 'anna')
  const socket = await signedIn(t, other, 'anna')
  await ask(socket, 'join-project', project.id)
  const ended = next(socket, 'session-ended')
  const session = await beginSession(other, project)
  const [{ sessionId, submitted }] = await ended
  assert.deepEqual([sessionId, submitted], [session, false])
})

test('a refused event costs less than one that is served', async (t) => {
  // As many as make the processor's ticks tell.
  const EVENTS = 10_000
  const USERS = ['anna', 'bert', 'carl']
  const strict = await start(t, { RATE_LIMIT_MAX: String(EVENTS), RATE_LIMIT_WINDOW: '1year' })
  const [served, refused] = [[], []]
  for (const user of USERS) {
    const { send, frame } = await raw(t, strict, user)
    /** The processor time, in ticks, that the server takes for so many events. */
    const cost = async (first) => {
      const before = strict.processorTicks()
      for (let n = first; n < first + EVENTS; n++) send(`42${n}["room:join",{"room":"room-${n % 100}"}]`)
      await frame(`43${first + EVENTS - 1}`)
      return strict.processorTicks() - before
    }
    served.push(await cost(0))
    refused.push(await cost(EVENTS))
  }
  assert.equal((await refusals(strict)).RATE_LIMIT_EXCEEDED, USERS.length * EVENTS)
  t.diagnostic(`refused ${refused}, served ${served} ticks`)
  // The least of each: whatever else the machine did only adds to them.
  assert.ok(Math.min(...refused) < Math.min(...served), `refused ${refused}, served ${served} ticks`)
})
