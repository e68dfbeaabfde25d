// Connecting and signing in (wire.md, section 2; the live preview's page, "Authentication").
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { token } from './api.mjs'
import { ask, next, open, refusal, settled } from './client.mjs'
import { startServer } from './server.mjs'

let server
before(async () => {
  server = await startServer()
})
after(() => server.stop())

describe('a token is read', () => {
  const ways = {
    'from auth.token': () => ({ auth: { token: token('anna') } }),
    'from query.token': () => ({ query: { token: token('anna') } }),
    'from the Authorization header': () => ({
      extraHeaders: { Authorization: `Bearer ${token('anna')}` },
    }),
  }
  for (const [way, options] of Object.entries(ways)) {
    for (const transport of ['websocket', 'polling']) {
      test(`${way}, over ${transport}`, async (t) => {
        const socket = open(t, server, { ...options(), transports: [transport] })
        const [authenticated] = await next(socket, 'authenticated')
        assert.equal(authenticated.userId, 'anna')
        assert.equal(authenticated.protocol, '1.0')
        assert.equal(socket.io.engine.transport.name, transport)
      })
    }
  }

  test('from auth.token first', async (t) => {
    const socket = open(t, server, {
      auth: { token: token('anna') },
      query: { token: token('ben') },
      extraHeaders: { Authorization: `Bearer ${token('carla')}` },
    })
    const [{ userId }] = await next(socket, 'authenticated')
    assert.equal(userId, 'anna')
  })

  test('from the header before the query', async (t) => {
    const socket = open(t, server, {
      query: { token: token('ben') },
      extraHeaders: { Authorization: `Bearer ${token('carla')}` },
    })
    const [{ userId }] = await next(socket, 'authenticated')
    assert.equal(userId, 'carla')
  })
})

test('who signed in is told what the server knows', async (t) => {
  const socket = open(t, server, { auth: { token: token('anna', { email: 'anna@example.com' }) } })
  const [authenticated, ...rest] = await next(socket, 'authenticated')
  assert.deepEqual(rest, [])
  assert.deepEqual(Object.keys(authenticated).sort(), [
    'connectionId', 'email', 'expiresAt', 'protocol', 'userId',
  ])
  assert.equal(authenticated.email, 'anna@example.com')
  assert.match(authenticated.expiresAt, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
  // Polling clients are named by the Engine.IO session id: it is a credential.
  assert.notEqual(authenticated.connectionId, socket.io.engine.id)
})

test('a polling client upgrades to a websocket', async (t) => {
  const socket = open(t, server, { auth: { token: token('anna') } })
  await next(socket, 'authenticated')
  if (socket.io.engine.transport.name !== 'websocket') await next(socket.io.engine, 'upgrade')
  assert.equal(socket.io.engine.transport.name, 'websocket')
  assert.equal((await settled(socket)).ok, true)
})

describe('refused, by a message that begins with the code, is', () => {
  const unsigned = (claims) => {
    const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url')
    return `${part({ alg: 'none' })}.${part(claims)}.`
  }
  const refused = {
    'an expired token': [{ token: token('anna', { expiresIn: -120 }) }, /^TOKEN_EXPIRED: /],
    'a token of another secret': [
      { token: token('anna', { secret: 'another secret of the tests, 32 bytes' }) },
      /^TOKEN_INVALID: /,
    ],
    'a token without a signature': [{ token: unsigned({ sub: 'anna', exp: 4e9 }) }, /^TOKEN_INVALID: /],
    'what is no token': [{ token: 'your-jwt-token' }, /^TOKEN_INVALID: /],
    'an empty token': [{ token: '' }, /^TOKEN_INVALID: /],
    'another major version': [{ token: token('anna'), protocol: '2.0' }, /^UPGRADE_REQUIRED: /],
    'a token that is no string': [{ token: 5 }, /^INVALID_PAYLOAD: token: expected a string/],
  }
  for (const [what, [auth, expected]] of Object.entries(refused)) {
    test(what, async (t) => {
      const socket = open(t, server, { auth })
      assert.match(await refusal(socket), expected)
      assert.equal(socket.connected, false)
    })
  }

  test('another namespace', async (t) => {
    const socket = open(t, { url: `${server.url}/admin` }, { auth: { token: token('anna') } })
    assert.match(await refusal(socket), /^NOT_FOUND: /)
  })
})

test('a refusal never repeats the token', async (t) => {
  const spoilt = `${token('anna')}x`
  const message = await refusal(open(t, server, { auth: { token: spoilt } }))
  assert.ok(!message.includes(spoilt.slice(0, 20)), message)
})

describe('without a token', () => {
  test('nothing is served but signing in and ping', async (t) => {
    const socket = open(t, server)
    await next(socket, 'connect')
    assert.equal((await ask(socket, 'ping')).ok, true)
    const refused = await ask(socket, 'join-project', { projectId: '1' })
    assert.equal(refused.error.code, 'UNAUTHENTICATED')

    const answers = Promise.all([next(socket, 'authenticated'), ask(socket, 'authenticate', { token: token('anna') })])
    const [[told], answer] = await answers
    assert.equal(told.userId, 'anna')
    assert.deepEqual(answer, { ok: true, data: told })
    assert.equal((await ask(socket, 'room:join', 'lobby')).ok, true)
  })

  test('auth:request is answered by auth:success', async (t) => {
    const socket = open(t, server)
    socket.emit('auth:request', { token: token('ben', { email: 'ben@example.com' }) })
    const [success] = await next(socket, 'auth:success')
    assert.deepEqual(success, { userId: 'ben', email: 'ben@example.com' })
  })

  for (const [event, told] of [['authenticate', 'auth_error'], ['auth:request', 'auth:error']]) {
    test(`${event} with an expired token is answered by ${told}, and the connection ends`, async (t) => {
      const socket = open(t, server)
      const ended = next(socket, 'disconnect')
      socket.emit(event, { token: token('anna', { expiresIn: -120 }) })
      const [error] = await next(socket, told)
      assert.equal(error.code, 'TOKEN_EXPIRED')
      assert.equal(typeof error.message, 'string')
      assert.deepEqual(await ended.then(([reason]) => reason), 'io server disconnect')
    })
  }

  test('the connection ends with AUTH_TIMEOUT', async (t) => {
    const hasty = await startServer({ env: { AUTH_TIMEOUT: '200ms' } })
    t.after(() => hasty.stop())
    // By long polling the last words would be lost to a client that stands still for a second.
    const socket = open(t, hasty, { transports: ['websocket'] })
    const ended = next(socket, 'disconnect')
    const [error] = await next(socket, 'auth_error')
    assert.equal(error.code, 'AUTH_TIMEOUT')
    assert.equal((await ended)[0], 'io server disconnect')
  })

  test('it is refused at once with AUTH_MODE=handshake', async (t) => {
    const strict = await startServer({ env: { AUTH_MODE: 'handshake' } })
    t.after(() => strict.stop())
    assert.match(await refusal(open(t, strict)), /^UNAUTHENTICATED: /)
  })
})

describe('a fresh token', () => {
  test('of the same user moves the expiry', async (t) => {
    const socket = open(t, server, { auth: { token: token('anna', { expiresIn: 600 }) } })
    const [first] = await next(socket, 'authenticated')
    const { data } = await ask(socket, 'authenticate', { token: token('anna', { expiresIn: 7200 }) })
    assert.ok(data.expiresAt > first.expiresAt)
    assert.equal(data.connectionId, first.connectionId)
  })

  test('of another user ends the connection', async (t) => {
    const socket = open(t, server, { auth: { token: token('anna') }, transports: ['websocket'] })
    await next(socket, 'authenticated')
    const ended = next(socket, 'disconnect')
    socket.emit('authenticate', { token: token('ben') })
    const [error] = await next(socket, 'auth_error')
    assert.equal(error.code, 'TOKEN_INVALID')
    await ended
  })
})

test('a token that expires is announced, and ends the connection', async (t) => {
  const socket = open(t, server, { auth: { token: token('anna', { expiresIn: 8 }) }, transports: ['websocket'] })
  const ended = next(socket, 'disconnect')
  const announced = next(socket, 'token_expiring')
  const expired = next(socket, 'auth_error')
  const [[authenticated], [expiring]] = await Promise.all([next(socket, 'authenticated'), announced])
  assert.equal(expiring.expiresAt, authenticated.expiresAt)
  assert.equal((await expired)[0].code, 'TOKEN_EXPIRED')
  await ended
})
