// The inbox's document followed as it is printed, with the official client: its snippets, its flows and
// the shape of each payload. Where the wire says more (a code, a connection's id, a place in the log),
// the wire stands.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { io } from 'socket.io-client'
import { call, token } from './api.mjs'
import { ask, next, open, record, settled, signedIn } from './client.mjs'
import { startServer } from './server.mjs'
import { bring, inboxOf, message, messagesOf, WEBHOOK_SECRET } from './webhook.mjs'

const KEY = 'the key of a back end'
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/

let server
before(async () => {
  server = await startServer({ env: { WEBHOOK_SECRET, PUBLISH_KEY: KEY, RATE_LIMIT_MAX: '100000' } })
})
after(() => server.stop())

const is = (type) => (value) => assert.equal(typeof value, type, `${value} is no ${type}`)
const string = is('string')
const number = is('number')
const time = (value) => assert.match(value, TIME)
const oneOf = (...values) => (value) => assert.ok(values.includes(value), `${value} is none of ${values}`)
const numbers = (value) => Object.entries(value).forEach(([platform, count]) => (string(platform), number(count)))

/** Holds a payload's fields against its shape, field by field; a `?` behind a name means that it may be missing. */
function hasShape(value, shape, path = 'payload') {
  assert.equal(typeof value, 'object', `${path} is no object`)
  const known = Object.keys(shape).map((name) => name.replace('?', ''))
  assert.deepEqual(Object.keys(value).filter((name) => !known.includes(name)), [], `${path} has no other fields`)
  for (const [name, expected] of Object.entries(shape)) {
    const field = name.replace('?', '')
    if (value[field] === undefined) assert.ok(name.endsWith('?'), `${path}.${field} is missing`)
    else if (typeof expected === 'function') expected(value[field])
    else hasShape(value[field], expected, `${path}.${field}`)
  }
}

const MESSAGE = {
  id: string, conversationId: string, platform: string, externalMessageId: string,
  sender: { id: string, 'name?': string }, text: string, sentAt: time, 'status?': oneOf('delivered', 'read'),
}
const CONVERSATION = {
  id: string, platform: string, externalConversationId: string, title: string,
  'lastMessage?': string, 'lastMessageAt?': time, unreadCount: number,
}
const SHAPES = {
  authenticated: { userId: string, email: string, connectionId: string, protocol: string, expiresAt: time },
  auth_error: { message: string, code: string },
  new_message: { message: MESSAGE, 'conversation?': CONVERSATION, timestamp: time },
  message_status_update: { messageId: string, conversationId: string, status: oneOf('read', 'delivered'), timestamp: time },
  unread_count_update: { unreadCounts: numbers, totalUnread: number, timestamp: time },
  conversation_update: { conversation: CONVERSATION, timestamp: time },
  error: { error: string, 'code?': string, timestamp: time, message: string, 'event?': string },
}

test('the example client: authenticates once it is connected, and is told', async (t) => {
  const localStorage = { getItem: () => token('user-1', { email: 'user-1@example.org' }) }
  const socket = io(server.url, {
    transports: ['websocket', 'polling'],
  })
  t.after(() => socket.disconnect())
  const told = next(socket, 'authenticated')

  // Authenticate immediately after connection
  socket.on('connect', () => {
    const token = localStorage.getItem('accessToken')
    socket.emit('authenticate', { token })
  })

  const [data] = await told
  hasShape(data, SHAPES.authenticated)
  assert.deepEqual([data.userId, data.email], ['user-1', 'user-1@example.org'])
})

test('the example client: a token that is none is answered by auth_error, and the connection ends', async (t) => {
  const socket = io(server.url, { transports: ['websocket', 'polling'] })
  t.after(() => socket.disconnect())
  const [told, ended] = [next(socket, 'auth_error'), next(socket, 'disconnect')]
  socket.on('connect', () => socket.emit('authenticate', { token: 'YOUR_JWT_TOKEN' }))
  hasShape((await told)[0], SHAPES.auth_error)
  await ended
})

test('the client must authenticate within 10 seconds', async (t) => {
  const impatient = await startServer({ env: { AUTH_TIMEOUT: '300ms' } })
  t.after(() => impatient.stop())
  const socket = io(impatient.url, { reconnection: false, forceNew: true })
  t.after(() => socket.disconnect())
  const ended = next(socket, 'disconnect')
  const [error] = await next(socket, 'auth_error')
  hasShape(error, SHAPES.auth_error)
  assert.equal(error.code, 'AUTH_TIMEOUT')
  await ended
})

test('the example test script: events are received when messages are sent and marked as read', async (t) => {
  const logged = []
  const console = { log: (...args) => logged.push(args) }
  const jwt = token('user-2')

  const socket = io(server.url)
  t.after(() => socket.disconnect())

  socket.on('connect', () => {
    console.log('Connected')
    socket.emit('authenticate', { token: jwt })
  })

  socket.on('authenticated', (data) => {
    console.log('Authenticated:', data)
  })

  socket.on('new_message', (data) => {
    console.log('New message:', data)
  })

  socket.on('unread_count_update', (data) => {
    console.log('Unread count update:', data)
  })

  socket.on('disconnect', () => {
    console.log('Disconnected')
  })

  await next(socket, 'authenticated')
  const others = record(socket)
  const { body: { messageId, conversationId } } = await bring(server, 'whatsapp', message('user-2', { text: 'Hello' }))
  await call(server, 'POST', `/api/inbox/messages/${messageId}/read`, { as: 'user-2' })
  await settled(socket)
  const gone = next(socket, 'disconnect')
  socket.disconnect()
  await gone

  assert.deepEqual(logged.map(([what]) => what), [
    'Connected', 'Authenticated:', 'New message:', 'Unread count update:', 'Unread count update:', 'Disconnected',
  ])
  hasShape(logged[2][1], SHAPES.new_message)
  assert.equal(logged[2][1].message.text, 'Hello')
  assert.deepEqual(logged.slice(3, 5).map(([, { unreadCounts, totalUnread }]) => [unreadCounts, totalUnread]), [
    [{ whatsapp: 1 }, 1], [{ whatsapp: 0 }, 0],
  ])
  const update = others.find(([name]) => name === 'message_status_update')[1]
  hasShape(update, SHAPES.message_status_update)
  assert.deepEqual([update.messageId, update.conversationId, update.status], [messageId, conversationId, 'read'])
})

test('each event has the shape that is printed, and a place in the log of user:{userId}', async (t) => {
  const socket = await signedIn(t, server, 'user-3')
  const seen = record(socket)
  const { body: { messageId, conversationId } } = await bring(server, 'telegram', message('user-3'))
  await call(server, 'POST', `/api/inbox/messages/${messageId}/delivered`, { as: 'user-3' })
  await call(server, 'POST', `/api/inbox/conversations/${conversationId}/read`, { as: 'user-3' })
  await settled(socket)
  const events = seen.filter(([, , meta]) => meta?.room === 'user:user-3')
  assert.deepEqual(events.map(([name]) => name), [
    'new_message', 'conversation_update', 'unread_count_update',
    'message_status_update',
    'message_status_update', 'conversation_update', 'unread_count_update',
  ])
  for (const [name, payload] of events) hasShape(payload, SHAPES[name], name)
  assert.deepEqual(events.filter(([name]) => name === 'message_status_update').map(([, { status }]) => status), ['delivered', 'read'])
})

test('error: what can\'t be done is told with its code', async (t) => {
  const socket = await signedIn(t, server, 'user-4')
  const told = next(socket, 'error')
  socket.emit('no such event', {})
  const [error] = await told
  hasShape(error, SHAPES.error)
  assert.deepEqual([error.code, error.error], ['UNKNOWN_EVENT', error.message])
})

describe('Emitting Events from Backend', () => {
  test('From Webhook Handler: after storing a message, and after updating unread counts', async (t) => {
    const socket = await signedIn(t, server, 'user-5')
    for (const [n, platform] of ['whatsapp', 'telegram', 'instagram', 'messenger', 'sms', 'email', 'slack', 'discord', 'carrier pigeon'].entries()) {
      const told = [next(socket, 'new_message'), next(socket, 'unread_count_update')]
      assert.equal((await bring(server, encodeURIComponent(platform), message('user-5'))).status, 202)
      const [[{ message: stored }], [{ unreadCounts, totalUnread }]] = await Promise.all(told)
      assert.equal(stored.platform, platform)
      assert.deepEqual([unreadCounts[platform], totalUnread], [1, n + 1])
    }
  })

  test('From Message Aggregator: after marking messages as read, and after a conversation update', async (t) => {
    const socket = await signedIn(t, server, 'user-6')
    const { body: { messageId, conversationId } } = await bring(server, 'sms', message('user-6'))
    const told = [next(socket, 'message_status_update'), next(socket, 'conversation_update', ({ conversation }) => conversation.unreadCount === 0)]
    await call(server, 'POST', `/api/inbox/messages/${messageId}/read`, { as: 'user-6' })
    const [[status], [{ conversation }]] = await Promise.all(told)
    assert.deepEqual([status.messageId, status.status, status.conversationId], [messageId, 'read', conversationId])
    assert.equal(conversation.id, conversationId)
  })

  test('an application\'s own back end emits them, too, by POST /api/publish', async (t) => {
    const socket = await signedIn(t, server, 'user-7')
    const told = next(socket, 'unread_count_update')
    const data = { unreadCounts: { sms: 2 }, totalUnread: 2, timestamp: '2026-11-21T07:38:47.123Z' }
    const headers = { 'x-api-key': KEY, 'content-type': 'application/json' }
    const body = JSON.stringify({ room: 'user:user-7', event: 'unread_count_update', data })
    assert.equal((await fetch(`${server.url}/api/publish`, { method: 'POST', headers, body })).status, 200)
    assert.deepEqual((await told)[0], data)
  })
})

test('Multiple Connections: all of a user\'s devices receive the same events, and are tracked independently', async (t) => {
  const [phone, laptop] = [await signedIn(t, server, 'user-8'), await signedIn(t, server, 'user-8')]
  const seen = [phone, laptop].map(record)
  await bring(server, 'email', message('user-8'))
  await Promise.all([phone, laptop].map(settled))
  assert.deepEqual(...seen.map((events) => events.filter(([, , meta]) => meta).map(([name, , { offset }]) => [name, offset])))
  phone.disconnect()
  const told = next(laptop, 'new_message')
  await bring(server, 'email', message('user-8'))
  await told
})

test('Disconnection: whoever comes back is sent what came meanwhile', async (t) => {
  const socket = await signedIn(t, server, 'user-9')
  const [[, place]] = await Promise.all([next(socket, 'unread_count_update'), bring(server, 'sms', message('user-9'))])
  socket.disconnect()
  await bring(server, 'sms', message('user-9', { text: 'meanwhile' }))
  const again = open(t, server, { auth: { token: token('user-9'), resume: [{ room: place.room, epoch: place.epoch, offset: place.offset }] } })
  const [{ message: missed }] = await next(again, 'new_message')
  assert.equal(missed.text, 'meanwhile')
})

test('Service Methods: statistics, whether a user is connected and how often, and disconnecting one', async (t) => {
  const sockets = [await signedIn(t, server, 'user-10'), await signedIn(t, server, 'user-10')]
  const backEnd = async (method, path) => (await fetch(server.url + path, { method, headers: { 'x-api-key': KEY } })).json()
  assert.deepEqual(await backEnd('GET', '/api/users/user-10'), { online: true, connections: 2 })
  const { body: stats } = await call(server, 'GET', '/api/websocket/stats', { as: 'user-10' })
  for (const field of ['totalConnections', 'authenticatedUsers', 'averageConnectionsPerUser']) number(stats[field])
  const ended = sockets.map((socket) => next(socket, 'disconnect'))
  assert.deepEqual(await backEnd('POST', '/api/users/user-10/disconnect'), { disconnected: 2 })
  await Promise.all(ended)
})

test('Health Check: /health includes the figures of the sockets', async () => {
  const { status, body } = await call(server, 'GET', '/health')
  assert.equal(status, 200)
  hasShape(body, {
    status: oneOf('ok'), timestamp: time,
    // The document says "connected"; without REDIS_URL there is none to be connected to.
    services: { database: oneOf('connected'), redis: oneOf('connected', 'disabled'), websocket: { status: oneOf('active'), connections: number, authenticatedUsers: number } },
  })
})

test('getUnreadCountByPlatform and getTotalUnreadCount come with the conversations', async () => {
  await bring(server, 'sms', message('user-11'))
  await bring(server, 'email', message('user-11', { externalConversationId: 'c-2' }))
  const { conversations, unreadCounts, totalUnread } = await inboxOf(server, 'user-11')
  assert.deepEqual([unreadCounts, totalUnread], [{ sms: 1, email: 1 }, 2])
  for (const conversation of conversations) {
    hasShape(conversation, CONVERSATION)
    for (const one of await messagesOf(server, 'user-11', conversation.id)) hasShape(one, MESSAGE)
  }
})

test('No ability to join other users\' rooms', async (t) => {
  const socket = await signedIn(t, server, 'user-12')
  assert.equal((await ask(socket, 'room:join', 'user:user-1')).error.code, 'ACCESS_DENIED')
})
