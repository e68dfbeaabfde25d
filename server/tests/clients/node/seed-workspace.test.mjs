// The workspace document, its snippets and flows as printed, by the official client. Its hooks are those of
// `samewire/react`, tested there; what they send and hear is shown here. Where the wire differs the wire stands:
// `auth:request` carries the token by the name of `token`, and an application's own events reach the others by `broadcast`.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { io } from 'socket.io-client'
import { token } from './api.mjs'
import { ask, next, record, settled } from './client.mjs'
import { startServer } from './server.mjs'

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/

let server
before(async () => {
  server = await startServer()
})
after(() => server.stop())

/** The document's WebSocket Options. */
const options = {
  autoConnect: true,
  reconnection: true,
  reconnectionAttempts: 5,
  reconnectionDelay: 1000,
  timeout: 20000,
}

function open(t, more = {}) {
  const socket = io(server.url, { ...options, forceNew: true, ...more })
  t.after(() => socket.disconnect())
  return socket
}

/** Signed in by the session's token. */
async function connect(t, user, claims) {
  const socket = open(t, { auth: { token: token(user, claims) } })
  await next(socket, 'connect')
  return socket
}

async function joinRoom(socket, room) {
  const { ok, data, error } = await ask(socket, 'room:join', room)
  if (!ok) throw Object.assign(new Error(error.message), { code: error.code })
  return data
}

describe('Authentication', () => {
  test('auth:request is answered by auth:success, { userId, email }', async (t) => {
    const socket = open(t)
    await next(socket, 'connect')
    socket.emit('auth:request', { token: token('eva', { email: 'eva@example.org' }) })
    assert.deepEqual(await next(socket, 'auth:success'), [{ userId: 'eva', email: 'eva@example.org' }])
  })

  test('auth:request with a bad token is answered by auth:error, and the connection is ended', async (t) => {
    const socket = open(t)
    await next(socket, 'connect')
    const refused = next(socket, 'auth:error')
    const ended = next(socket, 'disconnect')
    socket.emit('auth:request', { token: 'spoilt' })
    const [error] = await refused
    assert.deepEqual(Object.keys(error).sort(), ['code', 'message'])
    assert.equal(error.code, 'TOKEN_INVALID')
    await ended
    assert.equal(socket.connected, false)
  })

  test('connect and disconnect are told', async (t) => {
    const socket = open(t, { auth: { token: token('eva') } })
    await next(socket, 'connect')
    const ended = next(socket, 'disconnect')
    socket.disconnect()
    assert.deepEqual((await ended)[0], 'io client disconnect')
  })
})

describe('Room Management', () => {
  test('joinRoom and leaveRoom, by a bare name', async (t) => {
    const socket = await connect(t, 'eva')
    // Join a room
    const joined = await joinRoom(socket, 'room-123')
    assert.deepEqual(Object.keys(joined).sort(), ['missed', 'position', 'recovered', 'room', 'users'])
    assert.equal(joined.room, 'room:room-123')
    // Leave a room
    assert.deepEqual(await ask(socket, 'room:leave', 'room-123'), { ok: true, data: { room: 'room:room-123' } })
    assert.deepEqual((await joinRoom(socket, { roomId: 'room-123' })).room, 'room:room-123')
  })

  test('a room that can\'t be joined says why', async (t) => {
    const socket = await connect(t, 'eva')
    await assert.rejects(joinRoom(socket, ''), { code: 'INVALID_PAYLOAD' })
    await assert.rejects(joinRoom(socket, 'user:somebody-else'), { code: 'ACCESS_DENIED' })
  })
})

test('Presence Tracking: users, their count, and setStatus', async (t) => {
  const eva = await connect(t, 'eva', { name: 'Eva' })
  await joinRoom(eva, 'my-room')
  const came = next(eva, 'presence:update', ({ joined }) => joined.some(({ userId }) => userId === 'max'))
  const max = await connect(t, 'max')
  const state = next(max, 'presence:state')
  await joinRoom(max, 'my-room')
  const [{ room, users }] = await state
  assert.equal(room, 'room:my-room')
  const [first, second] = users
  assert.deepEqual(
    { ...first, joinedAt: undefined, lastActiveAt: undefined },
    { userId: 'eva', name: 'Eva', status: 'online', connections: 1, joinedAt: undefined, lastActiveAt: undefined },
  )
  assert.match(first.joinedAt, TIME)
  assert.match(first.lastActiveAt, TIME)
  assert.equal(second.userId, 'max')
  const [change] = await came
  assert.deepEqual(Object.keys(change).sort(), ['joined', 'left', 'room', 'updated'])

  // setStatus('away')
  const updated = next(eva, 'presence:update', ({ updated: users }) => users.some(({ userId }) => userId === 'max'))
  max.emit('presence:update', { room: 'my-room', status: 'away' })
  assert.equal((await updated)[0].updated[0].status, 'away')
  const left = next(eva, 'presence:update', ({ left: users }) => users.includes('max'))
  await ask(max, 'room:leave', 'my-room')
  await left
})

describe('Real-time Data Updates', () => {
  const entity = 'tasks'
  const room = 'project-123'

  test('sendUpdate(create): the others are told of the new task', async (t) => {
    const [eva, max] = [await connect(t, 'eva'), await connect(t, 'max')]
    await joinRoom(eva, room)
    await joinRoom(max, room)
    const told = next(max, 'data:update')
    const { ok, data } = await ask(eva, 'data:update', {
      room,
      entity,
      action: 'create',
      data: { title: 'New Task', completed: false },
    })
    assert.ok(ok)
    assert.deepEqual(data, { id: data.id, version: 1, data: { title: 'New Task', completed: false } })
    const [update] = await told
    assert.deepEqual(update, {
      room: 'room:project-123', entity, action: 'create', id: data.id, data: { title: 'New Task', completed: false },
      version: 1, userId: 'eva', timestamp: update.timestamp,
    })
    assert.match(update.timestamp, TIME)
  })

  test('update and delete, and the state that a new component starts from', async (t) => {
    const [eva, max] = [await connect(t, 'eva'), await connect(t, 'max')]
    await joinRoom(eva, 'list')
    await joinRoom(max, 'list')
    const { data: { id } } = await ask(eva, 'data:update', { room: 'list', entity, action: 'create', data: { completed: false } })
    const changed = next(max, 'data:update', ({ action }) => action === 'update')
    await ask(eva, 'data:update', { room: 'list', entity, action: 'update', id, data: { completed: true }, baseVersion: 1 })
    assert.deepEqual((await changed)[0].data, { completed: true })

    const { data: snapshot } = await ask(max, 'data:snapshot', { room: 'list', entity })
    assert.deepEqual(Object.keys(snapshot).sort(), ['items', 'position'])
    assert.deepEqual(snapshot.items, [{ id, version: 2, data: { completed: true } }])
    assert.deepEqual(Object.keys(snapshot.position).sort(), ['epoch', 'offset'])

    const stale = await ask(max, 'data:update', { room: 'list', entity, action: 'update', id, data: {}, baseVersion: 1 })
    assert.equal(stale.error.code, 'CONFLICT')
    assert.deepEqual(stale.error.current, { id, version: 2, data: { completed: true } })

    const deleted = next(max, 'data:update', ({ action }) => action === 'delete')
    await ask(eva, 'data:update', { room: 'list', entity, action: 'delete', id })
    assert.deepEqual([(await deleted)[0].id, (await deleted)[0].data], [id, null])
  })
})

describe('Event Types', () => {
  test('broadcast: any event of one\'s own reaches everybody in the room', async (t) => {
    const [eva, max] = [await connect(t, 'eva'), await connect(t, 'max')]
    await joinRoom(eva, 'everyone')
    await joinRoom(max, 'everyone')
    const heard = next(max, 'broadcast')
    eva.emit('broadcast', { room: 'everyone', event: 'my-custom-event', data: { data: 'value' } })
    const [message] = await heard
    assert.deepEqual(message, {
      room: 'room:everyone', event: 'my-custom-event', data: { data: 'value' }, userId: 'eva', timestamp: message.timestamp,
    })
    assert.match(message.timestamp, TIME)
  })

  test('Custom Events: one that no application registered is refused by name', async (t) => {
    const socket = await connect(t, 'eva')
    const refused = next(socket, 'error')
    // Emit custom event
    socket.emit('custom-event', { message: 'Hello!' })
    const [error] = await refused
    assert.deepEqual([error.code, error.event], ['UNKNOWN_EVENT', 'custom-event'])
  })

  test('unsubscribing ends it', async (t) => {
    const [eva, max] = [await connect(t, 'eva'), await connect(t, 'max')]
    await joinRoom(eva, 'quiet')
    await joinRoom(max, 'quiet')
    const received = []
    const listener = ({ data }) => received.push(data)
    max.on('broadcast', listener)
    await ask(eva, 'broadcast', { room: 'quiet', event: 'x', data: 1 })
    await settled(max)
    max.off('broadcast', listener)
    await ask(eva, 'broadcast', { room: 'quiet', event: 'x', data: 2 })
    await settled(max)
    assert.deepEqual(received, [1])
  })
})

test('Best Practices: rooms isolate; who is not in one hears nothing of it', async (t) => {
  const [eva, max] = [await connect(t, 'eva'), await connect(t, 'max')]
  await joinRoom(eva, 'ours')
  await joinRoom(max, 'theirs')
  const heard = record(max)
  await ask(eva, 'broadcast', { room: 'ours', event: 'x', data: 1 })
  await ask(eva, 'data:update', { room: 'ours', entity: 'tasks', action: 'create', data: {} })
  await settled(max)
  assert.deepEqual(heard.filter(([event]) => event === 'broadcast' || event === 'data:update'), [])
})
