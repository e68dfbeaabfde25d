// What each system's page promises on security, a test for each promise, named by its words; and what
// follows from them for all. Limits and throttling are in limits.test.mjs and throttle.test.mjs, the
// log of a whole run in secrets.test.mjs.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { beginSession, call, createProject, ingest, keydown, setActive, token } from './api.mjs'
import { ask, next, open, record, refusal, settled, signedIn } from './client.mjs'
import { startServer } from './server.mjs'
import { until } from './stories.mjs'

const KEY = 'the key of a back end'

let server
before(async () => {
  server = await startServer({ env: { RATE_LIMIT_MAX: '100000', PUBLISH_KEY: KEY, AUTH_TIMEOUT: '10min' } })
})
after(() => server.stop())

const LIVE = ['session-started', 'event-received', 'session-ended']
const live = (seen) => seen.filter(([name]) => LIVE.includes(name))

const backEnd = async (method, path, body) => {
  const headers = { 'x-api-key': KEY, 'content-type': 'application/json' }
  const response = await fetch(server.url + path, { method, headers, body: body && JSON.stringify(body) })
  return response.json()
}
const publish = (room, event, data = {}) => backEnd('POST', '/api/publish', { room, event, data })

describe('live preview', () => {
  test('Authentication Required: without a token nothing is served but signing in and ping', async (t) => {
    const { body } = await call(server, 'GET', '/api/asyncapi.json')
    const names = Object.values(body.components.messages).map(({ name }) => name)
    const signsIn = ['authenticate', 'auth:request', 'ping']
    const others = [...new Set(names)].filter((name) => !signsIn.includes(name))
    assert.ok(others.includes('join-project') && others.includes('presence:update'), `${others}`)
    const nobody = open(t, server)
    await next(nobody, 'connect')
    const seen = record(nobody)
    for (const name of [...others, 'made-up']) {
      assert.equal((await ask(nobody, name, { room: 'lobby', projectId: '1' })).error.code, 'UNAUTHENTICATED', name)
    }
    await publish('lobby', 'headline')
    await settled(nobody)
    assert.deepEqual(seen.map(([name]) => name).filter((name) => name !== 'pong'), [])
  })

  test('Token Expiration: an expired or forged token opens nothing, however it comes', async (t) => {
    const project = await createProject(server, 'anna')
    const anna = await signedIn(t, server, 'anna')
    for (const [spoilt, code] of [
      [token('anna', { expiresIn: -1 }), 'TOKEN_EXPIRED'],
      [token('anna', { secret: 'somebody else, with a long secret' }), 'TOKEN_INVALID'],
      [`${token('anna').slice(0, -4)}AAAA`, 'TOKEN_INVALID'],
    ]) {
      const extraHeaders = { authorization: `Bearer ${spoilt}` }
      for (const options of [{ auth: { token: spoilt } }, { query: { token: spoilt } }, { extraHeaders }]) {
        assert.ok((await refusal(open(t, server, options))).startsWith(`${code}: `))
      }
      const late = open(t, server)
      const ended = next(late, 'disconnect')
      late.emit('authenticate', { token: spoilt })
      assert.equal((await next(late, 'auth_error'))[0].code, code)
      await ended
      assert.equal((await ask(anna, 'join-project', { projectId: project.id, token: spoilt })).error.code, code)
      const response = await fetch(`${server.url}/api/projects/${project.id}`, { headers: extraHeaders })
      assert.deepEqual([response.status, (await response.json()).code], [401, code])
    }
  })

  test('Token Expiration: a connection hears nothing once its token has expired', async (t) => {
    const anna = await signedIn(t, server, 'anna')
    await ask(anna, 'room:join', 'expiring')
    const seen = record(anna)
    const ended = next(anna, 'disconnect')
    const told = next(anna, 'auth_error')
    // From here on it may take as long as it likes.
    anna.emit('authenticate', { token: token('anna', { expiresIn: 2 }) })
    assert.equal((await told)[0].code, 'TOKEN_EXPIRED')
    await ended
    await publish('expiring', 'headline')
    const ben = await signedIn(t, server, 'ben')
    await settled(ben)
    assert.deepEqual(seen.filter(([name]) => name === 'headline'), [])
    await until('nobody is there', async () => !(await backEnd('GET', '/api/users/anna')).online)
  })

  test('Ownership Verification: whoever doesn\'t own a project gets neither in nor at what is stored', async (t) => {
    const project = await createProject(server, 'anna')
    const sessionId = await beginSession(server, project)
    const ben = await signedIn(t, server, 'ben')
    const seen = record(ben)
    for (const [event, payload] of [
      ['join-project', { projectId: project.id }],
      ['join-project', project.id],
      ['room:join', `project:${project.id}`],
      ['room:join', { room: `project:${project.id}`, since: { epoch: 'e', offset: 0 } }],
    ]) {
      const { error } = await ask(ben, event, payload)
      assert.equal(error?.code, 'UNAUTHORIZED', JSON.stringify([event, payload]))
    }
    const { error } = await ask(ben, 'room:history', { room: `project:${project.id}`, epoch: 'e', after: 0 })
    assert.equal(error.code, 'NOT_FOUND')

    await ingest(server, project, sessionId, [keydown(1)])
    await settled(ben)
    assert.deepEqual(live(seen), [])

    for (const path of [`/api/projects/${project.id}/sessions`, `/api/sessions/${sessionId}/events`]) {
      const { status } = await call(server, 'GET', path, { as: 'ben' })
      assert.ok(status === 403 || status === 404, `${path}: ${status}`)
      assert.equal((await call(server, 'GET', path)).status, 401)
    }
  })

  test('Ownership Verification: a member who leads is no owner', async (t) => {
    const project = await createProject(server, 'anna')
    const path = `/api/projects/${project.id}/members/ben`
    assert.equal((await call(server, 'PUT', path, { as: 'anna', body: { role: 'facilitator' } })).status, 200)
    const ben = await signedIn(t, server, 'ben')
    assert.equal((await ask(ben, 'join-project', project.id)).error.code, 'UNAUTHORIZED')
    const { body } = await call(server, 'GET', `/api/projects/${project.id}`, { as: 'ben' })
    assert.equal(body.ingestKey, undefined, 'the key is for the owner alone')
    assert.equal((await call(server, 'PATCH', `/api/projects/${project.id}`, { as: 'ben', body: { active: false } })).status, 403)
    assert.equal((await call(server, 'PUT', path, { as: 'carla', body: { role: 'facilitator' } })).status, 403)
  })

  test('Ownership Verification: a handshake that resumes a room is asked for access again', async (t) => {
    const project = await createProject(server, 'anna')
    const room = `project:${project.id}`
    const resume = [{ room, epoch: 'e', offset: 0 }]
    const ben = open(t, server, { auth: { token: token('ben'), resume } })
    const [{ rooms }] = await next(ben, 'resumed')
    assert.equal(rooms.length, 1)
    assert.equal(rooms[0].room, room)
    assert.equal(rooms[0].recovered, false)
    assert.equal(rooms[0].error.code, 'UNAUTHORIZED')
  })

  test('Room Isolation: a user of one project never receives another project\'s events', async (t) => {
    const [hers, his] = await Promise.all([createProject(server, 'anna'), createProject(server, 'ben')])
    const anna = await signedIn(t, server, 'anna')
    const ben = await signedIn(t, server, 'ben')
    assert.equal((await ask(anna, 'join-project', hers.id)).ok, true)
    assert.equal((await ask(ben, 'join-project', his.id)).ok, true)
    const [annaSaw, benSaw] = [record(anna), record(ben)]

    const [herSession, hisSession] = await Promise.all([beginSession(server, hers), beginSession(server, his)])
    await Promise.all(
      Array.from({ length: 20 }, (_, n) => [
        ingest(server, hers, herSession, [keydown(n)]),
        ingest(server, his, hisSession, [keydown(n)]),
      ]).flat(),
    )
    await Promise.all([settled(anna), settled(ben)])

    for (const [seen, project, session] of [[annaSaw, hers, herSession], [benSaw, his, hisSession]]) {
      assert.equal(live(seen).length, 21)
      for (const [, payload, meta] of live(seen)) {
        assert.equal(payload.sessionId, session)
        assert.equal(meta.room, `project:${project.id}`)
      }
    }
  })

  test('Room Isolation: two projects of one user are told apart', async (t) => {
    const [one, two] = await Promise.all([createProject(server, 'anna'), createProject(server, 'anna')])
    const socket = await signedIn(t, server, 'anna')
    await ask(socket, 'join-project', one.id)
    const seen = record(socket)
    await beginSession(server, two)
    await settled(socket)
    assert.deepEqual(live(seen), [])
  })

  test('Active Projects Only: a project that is deactivated empties its room', async (t) => {
    const project = await createProject(server, 'anna')
    const sockets = await Promise.all([signedIn(t, server, 'anna'), signedIn(t, server, 'anna')])
    for (const socket of sockets) await ask(socket, 'join-project', project.id)
    const sessionId = await beginSession(server, project)
    const told = sockets.map((socket) => next(socket, 'error'))
    await setActive(server, 'anna', project, false)
    for (const [error] of await Promise.all(told)) {
      assert.equal(error.code, 'PROJECT_INACTIVE')
      assert.equal(error.room, `project:${project.id}`)
    }
    const { error } = await ask(sockets[0], 'join-project', project.id)
    assert.equal(error.code, 'PROJECT_INACTIVE')

    // Who was in it hears nothing more, even once it is active again.
    const seen = sockets.map(record)
    await setActive(server, 'anna', project, true)
    await ingest(server, project, sessionId, [keydown(1)])
    await Promise.all(sockets.map(settled))
    assert.deepEqual(seen.flatMap(live), [])
    assert.equal((await ask(sockets[0], 'leave-project', project.id)).error.code, 'LEAVE_FAILED')
    assert.equal((await ask(sockets[1], 'join-project', project.id)).ok, true)
  })
})

describe('inbox', () => {
  test('Users only receive events for their own data', async (t) => {
    const anna = [await signedIn(t, server, 'anna'), await signedIn(t, server, 'anna')]
    const ben = await signedIn(t, server, 'ben')
    const seen = record(ben)
    const told = anna.map((socket) => next(socket, 'unread_count_update'))
    const data = { unreadCounts: { sms: 2 }, totalUnread: 2, timestamp: '2026-11-21T07:38:47.123Z' }
    await publish('user:anna', 'unread_count_update', data)
    for (const [, meta] of await Promise.all(told)) assert.equal(meta.room, 'user:anna')
    await settled(ben)
    assert.deepEqual(seen.filter(([name]) => name === 'unread_count_update'), [])
  })

  test('Room-based isolation prevents cross-user events: no way leads into another\'s room', async (t) => {
    const anna = await signedIn(t, server, 'anna')
    const ben = await signedIn(t, server, 'ben')
    const [heard, seen] = [record(anna), record(ben)]
    const { epoch, offset } = (await publish('user:anna', 'secret')).positions[0]
    const room = 'user:anna'
    for (const [event, payload, code] of [
      ['room:join', room, 'ACCESS_DENIED'],
      ['room:join', { room }, 'ACCESS_DENIED'],
      ['room:join', { room, since: { epoch, offset: offset - 1 } }, 'ACCESS_DENIED'],
      ['room:history', { room, epoch, after: offset - 1 }, 'NOT_FOUND'],
      ['presence:update', { room, status: 'away' }, 'NOT_FOUND'],
      ['broadcast', { room, event: 'forged', data: {} }, 'ACCESS_DENIED'],
    ]) {
      assert.equal((await ask(ben, event, payload)).error?.code, code, JSON.stringify([event, payload]))
    }
    const resume = [{ room, epoch, offset: offset - 1 }]
    const again = open(t, server, { auth: { token: token('ben'), resume } })
    const [{ rooms }] = await next(again, 'resumed')
    assert.equal(rooms[0].error.code, 'ACCESS_DENIED')
    await publish(room, 'secret')
    await Promise.all([anna, ben, again].map(settled))
    assert.deepEqual(seen.filter(([name]) => name === 'secret'), [])
    assert.deepEqual(heard.filter(([name]) => name === 'forged'), [])
    assert.equal(heard.filter(([name]) => name === 'secret').length, 2)
    // Nor out of one's own.
    assert.equal((await ask(ben, 'room:leave', 'user:ben')).error.code, 'ACCESS_DENIED')
  })

  test('Invalid tokens result in immediate disconnection', async (t) => {
    const socket = open(t, server)
    const ended = next(socket, 'disconnect')
    socket.emit('authenticate', { token: 'YOUR_JWT_TOKEN' })
    assert.equal((await next(socket, 'auth_error'))[0].code, 'TOKEN_INVALID')
    assert.equal((await ended)[0], 'io server disconnect')
  })
})

describe('assistant', () => {
  test('User authorization for conversation access: no way leads into another\'s conversation', async (t) => {
    const [anna, ben] = [await signedIn(t, server, 'anna'), await signedIn(t, server, 'ben')]
    const { data: { id } } = await ask(anna, 'conversation:create', { title: 'A secret' })
    const room = `conversation:${id}`
    const { data: { position } } = await ask(anna, 'join:conversation', id)
    const seen = record(ben)
    for (const [event, payload] of [
      ['join:conversation', id],
      ['join:conversation', { conversationId: id }],
      ['room:join', room],
      ['room:join', { room, since: position }],
      ['room:history', { room, epoch: position.epoch, after: 0 }],
      ['message:send', { conversationId: id, content: 'Let me in' }],
      ['message:cancel', { conversationId: id, messageId: 'm' }],
      ['typing:start', { conversationId: id }],
      ['conversation:update', { conversationId: id, title: 'Mine' }],
      ['conversation:delete', { conversationId: id }],
    ]) {
      assert.equal((await ask(ben, event, payload)).error?.code, 'NOT_FOUND', JSON.stringify([event, payload]))
    }
    assert.equal((await ask(ben, 'broadcast', { room, event: 'forged', data: {} })).ok, false)
    const again = open(t, server, { auth: { token: token('ben'), resume: [{ room, ...position }] } })
    const [{ rooms }] = await next(again, 'resumed')
    assert.equal(rooms[0].error.code, 'NOT_FOUND')
    for (const path of ['messages', 'participants']) {
      assert.equal((await call(server, 'GET', `/api/conversations/${id}/${path}`, { as: 'ben' })).status, 404)
      assert.equal((await call(server, 'GET', `/api/conversations/${id}/${path}`)).status, 401)
    }
    assert.equal((await call(server, 'PUT', `/api/conversations/${id}/participants/ben`, { as: 'ben' })).status, 404)
    const over = next(anna, 'message:complete')
    await ask(anna, 'message:send', { conversationId: id, content: 'Who else is here?' })
    await over
    await Promise.all([ben, again].map(settled))
    assert.deepEqual(seen.filter(([name]) => /^(conversation|message|ai|typing|presence|forged)/.test(name)), [])
  })

  test('Secure room isolation: of two conversations of one user each hears its own alone', async (t) => {
    const [one, two] = [await signedIn(t, server, 'anna'), await signedIn(t, server, 'anna')]
    const ids = await Promise.all([one, two].map(async (socket) => (await ask(socket, 'conversation:create', {})).data.id))
    await Promise.all([one, two].map((socket, n) => ask(socket, 'join:conversation', ids[n])))
    const seen = [one, two].map(record)
    const over = [one, two].map((socket) => next(socket, 'message:complete'))
    await Promise.all([one, two].map((socket, n) => ask(socket, 'message:send', { conversationId: ids[n], content: `In ${n}` })))
    await Promise.all(over)
    for (const [n, heard] of seen.entries()) {
      const told = heard.filter(([name]) => /^(message|ai):/.test(name))
      assert.ok(told.length > 3 && told.every(([, { conversationId }]) => conversationId === ids[n]))
    }
  })
})

describe('workspace', () => {
  test('Use rooms for isolation: only who is in a room hears it, and only while in it', async (t) => {
    const [anna, ben] = [await signedIn(t, server, 'anna'), await signedIn(t, server, 'ben')]
    for (const socket of [anna, ben]) await ask(socket, 'room:join', 'inside')
    const outside = await signedIn(t, server, 'carla')
    const [heard, seen] = [record(ben), record(outside)]
    await publish('inside', 'first')
    await settled(ben)
    await ask(ben, 'room:leave', 'inside')
    await publish('inside', 'second')
    await Promise.all([ben, outside].map(settled))
    assert.deepEqual(heard.filter(([name]) => ['first', 'second'].includes(name)).map(([name]) => name), ['first'])
    assert.deepEqual(seen.filter(([name]) => ['first', 'second', 'presence:update'].includes(name)), [])
    assert.equal((await ask(outside, 'broadcast', { room: 'inside', event: 'x', data: {} })).error.code, 'NOT_FOUND')
  })
})

test('the session id, which is a credential, is shown to nobody else', async (t) => {
  const polling = { transports: ['polling'] }
  const anna = await signedIn(t, server, 'anna', polling)
  const ben = await signedIn(t, server, 'ben')
  const seen = record(ben)
  const joined = [await ask(anna, 'room:join', 'shown'), await ask(ben, 'room:join', 'shown')]
  const busy = ({ updated, joined }) => [...updated, ...joined].some(({ status }) => status === 'busy')
  const changed = next(ben, 'presence:update', busy)
  await ask(anna, 'presence:update', { room: 'shown', status: 'busy' })
  await ask(anna, 'broadcast', { room: 'shown', event: 'hello', data: {} })
  await changed
  await settled(ben)
  const told = JSON.stringify([
    seen, joined, await backEnd('GET', '/api/rooms/shown'), await backEnd('GET', '/api/users/anna'),
    (await call(server, 'GET', '/api/websocket/stats', { as: 'ben' })).body,
    await (await fetch(`${server.url}/metrics`)).text(),
  ])
  assert.ok(seen.length > 0 && anna.io.engine.id.length > 10)
  assert.ok(!told.includes(anna.io.engine.id))
})
