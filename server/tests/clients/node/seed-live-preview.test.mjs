// The live preview document, its snippets and flows as printed, by the official client. `new Date()` travels as an
// RFC 3339 string. Where the document calls a function of its server, a back end calls it by HTTP here.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { io } from 'socket.io-client'
import { beginSession, call, createProject, finish, ingest, keydown, setActive, token } from './api.mjs'
import { ask, next, refusal, settled } from './client.mjs'
import { startServer } from './server.mjs'

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/
const KEY = 'the key of a back end'

let server
before(async () => {
  server = await startServer({ env: { PUBLISH_KEY: KEY } })
})
after(() => server.stop())

/** The document's way to connect. */
async function connect(t, user, options = {}) {
  const socket = io(server.url, {
    auth: {
      token: token(user),
    },
    forceNew: true,
    ...options,
  })
  t.after(() => socket.disconnect())
  await new Promise((resolve) => socket.on('connect', resolve))
  return socket
}

/** Joins as the document prints it; resolves once the server has let the socket in. */
async function join(socket, projectId, user) {
  const joined = next(socket, 'presence:state', ({ room }) => room === `project:${projectId}`)
  socket.emit('join-project', {
    projectId,
    token: token(user), // optional, can be included for additional verification
  })
  return (await joined)[0]
}

const backEnd = async (method, path, body) => {
  const headers = { 'x-api-key': KEY, ...(body && { 'content-type': 'application/json' }) }
  const answer = await fetch(server.url + path, { method, headers, body: body && JSON.stringify(body) })
  return { status: answer.status, body: await answer.json() }
}

describe('Connecting', () => {
  test('by auth.token, or by query.token; a bad token is a connect_error', async (t) => {
    await connect(t, 'owner')
    await connect(t, 'owner', { auth: {}, query: { token: token('owner') } })
    for (const [jwt, code] of [['your-jwt-token', 'TOKEN_INVALID'], [token('owner', { expiresIn: -60 }), 'TOKEN_EXPIRED']]) {
      const socket = io(server.url, { auth: { token: jwt }, forceNew: true, reconnection: false })
      t.after(() => socket.disconnect())
      assert.match(await refusal(socket), new RegExp(`^${code}: `))
      assert.equal(socket.connected, false)
    }
  })
})

describe('Integration with Event Service', () => {
  test('a session begins, brings events and is submitted: each is broadcast, field by field', async (t) => {
    const project = await createProject(server, 'owner')
    const socket = await connect(t, 'owner')
    const seen = []
    // New tracking event received
    socket.on('event-received', (data) => seen.push(['event-received', data]))
    // Session started
    socket.on('session-started', (data) => seen.push(['session-started', data]))
    // Session ended
    socket.on('session-ended', (data) => seen.push(['session-ended', data]))
    // Error handling
    socket.on('error', (data) => seen.push(['error', data]))
    await join(socket, project.id, 'owner')

    const sessionId = await beginSession(server, project, 'user-456')
    const event = { eventType: 'keydown', timestamp: new Date().toISOString(), keyChar: 'a' }
    await ingest(server, project, sessionId, [event])
    await finish(server, project, sessionId, 'submit')
    await settled(socket)

    assert.deepEqual(seen.map(([name]) => name), ['session-started', 'event-received', 'session-ended'])
    const [started, received, ended] = seen.map(([, data]) => data)
    assert.deepEqual(started, { sessionId, externalUserId: 'user-456', timestamp: started.timestamp })
    assert.match(started.timestamp, TIME)
    assert.deepEqual(received, { sessionId, externalUserId: 'user-456', event })
    assert.deepEqual(ended, { sessionId, externalUserId: 'user-456', submitted: true, timestamp: ended.timestamp })
    assert.match(ended.timestamp, TIME)
  })

  test('of a batch the first 10 events are broadcast', async (t) => {
    const project = await createProject(server, 'owner')
    const socket = await connect(t, 'owner')
    const numbers = []
    socket.on('event-received', ({ event }) => numbers.push(event.n))
    await join(socket, project.id, 'owner')
    const sessionId = await beginSession(server, project)
    await ingest(server, project, sessionId, Array.from({ length: 12 }, (_, n) => keydown(n)))
    await settled(socket)
    assert.deepEqual(numbers, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  })

  test('leave-project: nothing more is heard', async (t) => {
    const project = await createProject(server, 'owner')
    const socket = await connect(t, 'owner')
    const started = []
    socket.on('session-started', (data) => started.push(data))
    await join(socket, project.id, 'owner')
    await beginSession(server, project)
    socket.emit('leave-project', {
      projectId: project.id,
    })
    await settled(socket)
    await beginSession(server, project)
    await settled(socket)
    assert.equal(started.length, 1)
  })
})

describe('Server Usage', () => {
  test('broadcastToProject: a back end publishes an event to a project', async (t) => {
    const project = await createProject(server, 'owner')
    const socket = await connect(t, 'owner')
    await join(socket, project.id, 'owner')
    const data = {
      sessionId: 'session-123',
      externalUserId: 'user-456',
      event: {
        eventType: 'keydown',
        timestamp: new Date().toISOString(),
        keyChar: 'a',
      },
    }
    const received = next(socket, 'event-received')
    const published = { room: `project:${project.id}`, event: 'event-received', data }
    assert.equal((await backEnd('POST', '/api/publish', published)).status, 200)
    assert.deepEqual((await received)[0], data)
  })

  test('getConnectedUsersInProject: a back end asks who watches a project', async (t) => {
    const project = await createProject(server, 'owner')
    const path = `/api/rooms/project:${project.id}`
    assert.equal((await backEnd('GET', path)).status, 404)
    await join(await connect(t, 'owner'), project.id, 'owner')
    await join(await connect(t, 'owner'), project.id, 'owner')
    const { body } = await backEnd('GET', path)
    assert.deepEqual(body.users.map(({ userId }) => userId), ['owner'])
    assert.equal(body.connections, 2)
  })
})

describe('Error Codes', () => {
  const inactive = async () => {
    const project = await createProject(server, 'owner')
    await setActive(server, 'owner', project, false)
    return project.id
  }
  const cases = [
    ['MISSING_PROJECT_ID', 'join-project', async () => undefined],
    ['MISSING_PROJECT_ID', 'leave-project', async () => undefined],
    ['UNAUTHORIZED', 'join-project', async () => (await createProject(server, 'somebody else')).id],
    ['PROJECT_NOT_FOUND', 'join-project', async () => 'your-project-id'],
    ['PROJECT_INACTIVE', 'join-project', inactive],
    ['LEAVE_FAILED', 'leave-project', async () => (await createProject(server, 'owner')).id],
  ]
  for (const [code, event, arrange] of cases) {
    test(`${code} of ${event} is told by error, { message, code }`, async (t) => {
      const projectId = await arrange()
      const socket = await connect(t, 'owner')
      const told = next(socket, 'error')
      socket.emit(event, { projectId, token: token('owner') })
      const [error] = await told
      assert.equal(error.code, code)
      assert.ok(typeof error.message === 'string' && error.message !== '')
    })
  }
})

describe('Future Enhancements', () => {
  test('Presence System: who views a project is shown, and told as it changes', async (t) => {
    const project = await createProject(server, 'owner')
    const first = await connect(t, 'owner')
    const { users } = await join(first, project.id, 'owner')
    assert.deepEqual(users.map(({ userId, status }) => [userId, status]), [['owner', 'online']])
    const more = next(first, 'presence:update', ({ joined, updated }) =>
      [...joined, ...updated].some(({ connections }) => connections === 2),
    )
    await join(await connect(t, 'owner'), project.id, 'owner')
    await more
  })

  test('Event Filtering: a client is sent only the events that it names', async (t) => {
    const project = await createProject(server, 'owner')
    const socket = await connect(t, 'owner')
    const heard = []
    socket.onAny((name) => heard.push(name))
    const room = `project:${project.id}`
    assert.ok((await ask(socket, 'room:join', { room, events: ['session-started', 'session-ended'] })).ok)
    const sessionId = await beginSession(server, project)
    await ingest(server, project, sessionId, [keydown(1)])
    await finish(server, project, sessionId, 'submit')
    await settled(socket)
    assert.deepEqual(heard.filter((name) => /^(session|event)-/.test(name)), ['session-started', 'session-ended'])
  })

  test('Rate Limiting: past 100 events a minute a client is refused, and told when to try again', async (t) => {
    const socket = await connect(t, 'a hasty owner')
    const project = await createProject(server, 'a hasty owner')
    let refused
    // Room for one more comes back every 600 ms.
    for (let n = 0; n < 200 && !refused; n += 1) {
      const { error } = await ask(socket, 'join-project', { projectId: project.id })
      if (error) refused = { n, ...error }
    }
    assert.equal(refused.code, 'RATE_LIMIT_EXCEEDED')
    assert.ok(refused.n >= 100, `${refused.n} were served`)
    assert.ok(refused.retryAfterMs > 0)
  })

  test('Reconnection Handling: who comes back is in the room again, with what was missed', async (t) => {
    const project = await createProject(server, 'owner')
    const socket = await connect(t, 'owner')
    const { data } = await ask(socket, 'join-project', { projectId: project.id })
    socket.disconnect()
    const sessionId = await beginSession(server, project)

    socket.auth = { token: token('owner'), resume: [{ room: data.room, ...data.position }] }
    const missed = next(socket, 'session-started')
    const resumed = next(socket, 'resumed')
    socket.connect()
    assert.equal((await missed)[0].sessionId, sessionId)
    const [{ rooms }] = await resumed
    assert.deepEqual([rooms[0].room, rooms[0].recovered, rooms[0].missed], [data.room, true, 1])
    const ended = next(socket, 'session-ended')
    await finish(server, project, sessionId, 'submit')
    await ended
  })

  test('stored sessions are read page by page by the owner alone', async () => {
    const project = await createProject(server, 'owner')
    const sessionId = await beginSession(server, project)
    const { body } = await call(server, 'GET', `/api/projects/${project.id}/sessions`, { as: 'owner' })
    assert.deepEqual(body.sessions.map((session) => session.sessionId), [sessionId])
    assert.equal((await call(server, 'GET', `/api/projects/${project.id}/sessions`, { as: 'stranger' })).status, 403)
  })
})
