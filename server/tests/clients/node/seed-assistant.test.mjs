// The page of the AI chatbot assistant, its snippets and flows as it prints them, with the official client.
// Where the wire says it otherwise, the wire stands: a note says so.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { io } from 'socket.io-client'
import { call, token } from './api.mjs'
import { next, record, settled, WAIT_MS } from './client.mjs'
import { delta, end, startProvider, streamed, writeSlowly } from './provider.mjs'
import { SECRET, startServer } from './server.mjs'

const KEY = 'the key of a back end'
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/

let server
before(async () => {
  // "Ensure these environment variables are set".
  server = await startServer({
    env: { JWT_SECRET: undefined, JWT_ACCESS_SECRET: SECRET, CORS_ORIGIN: 'http://localhost:5173', RATE_LIMIT_MAX: '100000', PUBLISH_KEY: KEY },
  })
})
after(() => server.stop())

const backEnd = async (path) => (await fetch(server.url + path, { headers: { 'x-api-key': KEY } })).json()

/** As the page connects. */
function connect(t, user, options = { auth: { token: token(user) } }) {
  const socket = io(server.url, { forceNew: true, ...options })
  t.after(() => socket.disconnect())
  return socket
}

async function connected(t, user) {
  const socket = connect(t, user)
  await next(socket, 'authenticated')
  return socket
}

/** A conversation, begun as a tab does it: by the event, with its acknowledgement. */
async function begin(socket, title = 'Chat') {
  const { ok, data } = await socket.emitWithAck('conversation:create', { title })
  assert.equal(ok, true)
  return data
}

const isConversation = (conversation, { id, title, ownerId }) => {
  assert.deepEqual(Object.keys(conversation).sort(), ['createdAt', 'id', 'ownerId', 'title', 'updatedAt'])
  assert.equal(typeof conversation.id, 'string')
  if (id) assert.equal(conversation.id, id)
  assert.equal(conversation.title, title)
  assert.equal(conversation.ownerId, ownerId)
  assert.match(conversation.createdAt, TIME)
  assert.match(conversation.updatedAt, TIME)
}

const isMessage = (message, { conversationId, role, content }) => {
  assert.deepEqual(Object.keys(message).sort(), ['content', 'conversationId', 'createdAt', 'id', 'incomplete', 'role'])
  assert.equal(typeof message.id, 'string')
  assert.equal(message.conversationId, conversationId)
  assert.equal(message.role, role)
  assert.equal(message.content, content)
  assert.equal(message.incomplete, false)
  assert.match(message.createdAt, TIME)
}

test('the snippets as printed: connect, send a message, receive the streamed response', async (t) => {
  const socket = connect(t, 'anna')
  await next(socket, 'connect')
  const { id } = await begin(socket, 'Hello')
  const logged = []
  const finished = new Promise((resolve) => {
    socket.on('message:chunk', (data) => {
      logged.push(['AI chunk:', data.chunk])
      logged.push(['Full content so far:', data.content])
    })
    socket.on('message:complete', (data) => {
      logged.push(['Complete messages:', data.userMessage, data.assistantMessage])
      resolve(data)
    })
  })
  const seen = record(socket)

  socket.emit('join:conversation', id)
  socket.emit('message:send', {
    conversationId: id,
    content: 'Hello AI!',
  })
  const complete = await finished

  const chunks = seen.filter(([name]) => name === 'message:chunk').map(([, data]) => data)
  assert.ok(chunks.length > 1)
  let content = ''
  for (const [index, data] of chunks.entries()) {
    assert.deepEqual(Object.keys(data).sort(), ['chunk', 'content', 'conversationId', 'index', 'messageId'])
    assert.equal(data.conversationId, id)
    assert.equal(data.messageId, complete.assistantMessage.id)
    assert.equal(data.index, index)
    content += data.chunk
    assert.equal(data.content, content)
  }
  assert.match(content, /^This is an echo.*Hello AI!$/)
  assert.deepEqual(Object.keys(complete).sort(), ['assistantMessage', 'conversationId', 'userMessage'])
  assert.equal(complete.conversationId, id)
  isMessage(complete.userMessage, { conversationId: id, role: 'user', content: 'Hello AI!' })
  isMessage(complete.assistantMessage, { conversationId: id, role: 'assistant', content })
  assert.equal(logged.length, 2 * chunks.length + 1)

  // ai:typing:start and ai:typing:stop around it.
  const order = seen.map(([name]) => name).filter((name) => /^(ai:|message:)/.test(name))
  assert.deepEqual([order[0], order.at(-2), order.at(-1)], ['ai:typing:start', 'ai:typing:stop', 'message:complete'])
  for (const name of ['ai:typing:start', 'ai:typing:stop']) {
    const typing = seen.filter(([event]) => event === name).map(([, data]) => data)
    assert.deepEqual(typing, [{ conversationId: id, messageId: complete.assistantMessage.id }])
  }
  assert.deepEqual(seen.filter(([name]) => name === 'error'), [])
  // "Saves messages to database".
  const { body } = await call(server, 'GET', `/api/conversations/${id}/messages`, { as: 'anna' })
  assert.deepEqual(body.messages, [complete.userMessage, complete.assistantMessage])
})

describe('authentication', () => {
  test('the token is read from auth, from a Bearer header, and from the query', async (t) => {
    const jwt = token('anna', { email: 'anna@example.org' })
    for (const options of [{ auth: { token: jwt } }, { extraHeaders: { authorization: `Bearer ${jwt}` } }, { query: { token: jwt } }]) {
      const [told] = await next(connect(t, 'anna', options), 'authenticated')
      assert.equal(told.userId, 'anna')
      assert.equal(told.email, 'anna@example.org')
      assert.equal(typeof told.connectionId, 'string')
      assert.equal(typeof told.protocol, 'string')
      assert.match(told.expiresAt, TIME)
    }
  })

  test('invalid and expired tokens are refused', async (t) => {
    for (const [jwt, code] of [['your-jwt-token', 'TOKEN_INVALID'], [token('anna', { expiresIn: -5 }), 'TOKEN_EXPIRED']]) {
      const socket = connect(t, 'anna', { auth: { token: jwt }, reconnection: false })
      const [error] = await next(socket, 'connect_error')
      assert.ok(error.message.startsWith(`${code}: `), error.message)
    }
  })
})

test('ping is answered by pong', async (t) => {
  const socket = await connected(t, 'anna')
  const pong = next(socket, 'pong')
  socket.emit('ping')
  const [data] = await pong
  assert.deepEqual(Object.keys(data), ['timestamp'])
  assert.match(data.timestamp, TIME)
})

describe('several tabs', () => {
  test('conversation:create reaches the user\'s other tabs', async (t) => {
    const [tab, other] = [await connected(t, 'anna'), await connected(t, 'anna')]
    const mine = record(tab)
    const told = next(other, 'conversation:create')
    tab.emit('conversation:create', { title: 'From the first tab' })
    const [data, meta] = await told
    assert.deepEqual(Object.keys(data), ['conversation'])
    isConversation(data.conversation, { title: 'From the first tab', ownerId: 'anna' })
    assert.deepEqual(Object.keys(meta).sort(), ['epoch', 'offset', 'room'])
    assert.equal(meta.room, 'user:anna')
    await settled(tab)
    assert.deepEqual(mine.filter(([name]) => name === 'conversation:create'), [])
  })

  test('conversation:update is synced across tabs', async (t) => {
    const [tab, other] = [await connected(t, 'anna'), await connected(t, 'anna')]
    const { id } = await begin(tab)
    const told = next(other, 'conversation:update')
    tab.emit('conversation:update', { conversationId: id, title: 'Renamed' })
    const [data] = await told
    assert.deepEqual(Object.keys(data), ['conversation'])
    isConversation(data.conversation, { id, title: 'Renamed', ownerId: 'anna' })
  })

  test('conversation:delete is synced across tabs, and cleans the room up', async (t) => {
    const [tab, other] = [await connected(t, 'anna'), await connected(t, 'anna')]
    const { id } = await begin(tab)
    for (const socket of [tab, other]) assert.equal((await socket.emitWithAck('join:conversation', id)).ok, true)
    assert.equal((await backEnd(`/api/rooms/conversation:${id}`)).connections, 2)
    const told = next(other, 'conversation:delete')
    tab.emit('conversation:delete', { conversationId: id })
    assert.deepEqual((await told)[0], { conversationId: id })
    await settled(tab)
    assert.equal((await backEnd(`/api/rooms/conversation:${id}`)).connections, 0)
  })

  test('a message that one tab sends is answered in all tabs', async (t) => {
    const [tab, other] = [await connected(t, 'anna'), await connected(t, 'anna')]
    const { id } = await begin(tab)
    for (const socket of [tab, other]) await socket.emitWithAck('join:conversation', id)
    const complete = [tab, other].map((socket) => next(socket, 'message:complete'))
    const [atTab, atOther] = [record(tab), record(other)]
    tab.emit('message:send', { conversationId: id, content: 'Hello AI!' })
    const [[one], [two]] = await Promise.all(complete)
    assert.deepEqual(one, two)
    const streamedTo = (seen) => seen.filter(([name]) => /^(ai:|message:)/.test(name))
    assert.deepEqual(streamedTo(atTab), streamedTo(atOther))
  })
})

describe('rooms', () => {
  test('join:conversation and leave:conversation take the id, bare or as a field', async (t) => {
    const socket = await connected(t, 'anna')
    const { id } = await begin(socket)
    for (const payload of [id, { conversationId: id }]) {
      const joined = await socket.emitWithAck('join:conversation', payload)
      assert.equal(joined.ok, true)
      assert.deepEqual(Object.keys(joined.data).sort(), ['missed', 'position', 'recovered', 'room', 'users'])
      assert.equal(joined.data.room, `conversation:${id}`)
      assert.deepEqual(joined.data.users.map(({ userId }) => userId), ['anna'])
      assert.deepEqual(await socket.emitWithAck('leave:conversation', payload), { ok: true, data: { room: `conversation:${id}` } })
    }
  })

  test('users can only access their conversations', async (t) => {
    const [anna, ben] = [await connected(t, 'anna'), await connected(t, 'ben')]
    const { id } = await begin(anna)
    await anna.emitWithAck('join:conversation', id)
    const seen = record(ben)
    ben.emit('join:conversation', id)
    const [error] = await next(ben, 'error')
    assert.deepEqual(Object.keys(error).sort(), ['code', 'error', 'event', 'message', 'timestamp'])
    assert.deepEqual([error.code, error.error, error.event], ['NOT_FOUND', error.message, 'join:conversation'])
    assert.equal((await ben.emitWithAck('message:send', { conversationId: id, content: 'Hi' })).error.code, 'NOT_FOUND')
    const over = next(anna, 'message:complete')
    anna.emit('message:send', { conversationId: id, content: 'Just for me' })
    await over
    await settled(ben)
    assert.deepEqual(seen.filter(([name]) => /^(ai:|message:|typing:)/.test(name)), [])
  })

  test('who leaves hears no more, and a disconnect leaves all rooms', async (t) => {
    const [stays, leaves] = [await connected(t, 'anna'), await connected(t, 'anna')]
    const { id } = await begin(stays)
    for (const socket of [stays, leaves]) await socket.emitWithAck('join:conversation', id)
    await leaves.emitWithAck('leave:conversation', id)
    const seen = record(leaves)
    const over = next(stays, 'message:complete')
    stays.emit('message:send', { conversationId: id, content: 'Still there?' })
    await over
    await settled(leaves)
    assert.deepEqual(seen.filter(([name]) => /^(ai:|message:)/.test(name)), [])
    await leaves.emitWithAck('join:conversation', id)
    const left = next(stays, 'presence:update', ({ updated }) => updated.some(({ connections }) => connections === 1))
    leaves.disconnect()
    await left
    assert.equal((await backEnd(`/api/rooms/conversation:${id}`)).connections, 1)
  })
})

test('typing indicators, tested with multiple users', async (t) => {
  const [anna, ben] = [await connected(t, 'anna'), await connected(t, 'ben')]
  const { id } = await begin(anna)
  assert.equal((await call(server, 'PUT', `/api/conversations/${id}/participants/ben`, { as: 'anna' })).status, 200)
  for (const socket of [anna, ben]) assert.equal((await socket.emitWithAck('join:conversation', id)).ok, true)
  const mine = record(anna)
  // It stops by itself where the rest takes long.
  const told = ['typing:start', 'typing:stop'].map((event) => [event, next(ben, event)])
  for (const [event, heard] of told) {
    anna.emit(event, { conversationId: id })
    assert.deepEqual(await heard, [{ conversationId: id, userId: 'anna' }])
  }
  await settled(anna)
  assert.deepEqual(mine.filter(([name]) => name.startsWith('typing:')), [])
})

test('the utility functions: sockets of a user, user of a socket, users of a conversation, who is online', async (t) => {
  const [tab, other] = [await connected(t, 'hedy'), await connected(t, 'hedy')]
  assert.deepEqual(await backEnd('/api/users/hedy'), { online: true, connections: 2 })
  const { id } = await begin(tab)
  for (const socket of [tab, other]) await socket.emitWithAck('join:conversation', id)
  const room = await backEnd(`/api/rooms/conversation:${id}`)
  assert.deepEqual(room.users.map(({ userId, connections }) => [userId, connections]), [['hedy', 2]])
  // broadcastToUser, broadcastToConversation.
  for (const address of ['user:hedy', `conversation:${id}`]) {
    const told = [tab, other].map((socket) => next(socket, 'headline'))
    const body = JSON.stringify({ room: address, event: 'headline', data: { address } })
    await fetch(`${server.url}/api/publish`, { method: 'POST', headers: { 'x-api-key': KEY, 'content-type': 'application/json' }, body })
    for (const [data] of await Promise.all(told)) assert.deepEqual(data, { address })
  }
  for (const socket of [tab, other]) socket.disconnect()
  const waitsUntil = performance.now() + WAIT_MS
  while ((await backEnd('/api/users/hedy')).online) assert.ok(performance.now() < waitsUntil, 'still online')
})

test('a long AI response, with a network disconnection in the middle of it', async (t) => {
  const provider = await startProvider(t)
  const words = Array.from({ length: 120 }, (_, n) => `word ${n}, `)
  const [first, rest] = [words.slice(0, 60), words.slice(60)].map((part) => part.map((word) => delta(word)))
  let goOn
  const isBack = new Promise((resolve) => (goOn = resolve))
  provider.script = async (response) => {
    streamed(response)
    await writeSlowly(response, first, 15)
    // A page that came back once all was said would have to read it from the database.
    await isBack
    await writeSlowly(response, rest, 15)
    response.end(end())
  }
  const withKey = await startServer({ env: { OPENAI_API_KEY: 'your-openai-key', OPENAI_BASE_URL: provider.url } })
  t.after(() => withKey.stop())
  const socket = io(withKey.url, { forceNew: true, auth: { token: token('anna') }, reconnectionDelay: 50 })
  t.after(() => socket.disconnect())
  await next(socket, 'authenticated')
  const { id } = await begin(socket)
  // A page joins its conversation whenever it is connected, and shows the content that came last.
  let shown = ''
  socket.on('authenticated', () => socket.emit('join:conversation', id, goOn))
  socket.on('message:chunk', ({ content }) => (shown = content))
  await socket.emitWithAck('join:conversation', id)
  const [chunk, back, over] = [next(socket, 'message:chunk', ({ index }) => index === 5), next(socket, 'authenticated'), next(socket, 'message:complete')]
  socket.emit('message:send', { conversationId: id, content: 'Tell me a long story' })
  await chunk
  socket.io.engine.close()
  await back
  const [{ assistantMessage }] = await over
  assert.equal(assistantMessage.content, words.join(''))
  assert.equal(shown, assistantMessage.content)
  assert.equal(provider.requests[0].headers.authorization, 'Bearer your-openai-key')
})

test('what fails while a message is processed is told, with a code', async (t) => {
  const provider = await startProvider(t)
  provider.script = (response) => response.writeHead(500).end()
  const failing = await startServer({ env: { OPENAI_API_KEY: 'your-openai-key', OPENAI_BASE_URL: provider.url } })
  t.after(() => failing.stop())
  const socket = io(failing.url, { forceNew: true, auth: { token: token('anna') } })
  t.after(() => socket.disconnect())
  await next(socket, 'authenticated')
  const { id } = await begin(socket)
  const failed = next(socket, 'message:error')
  socket.emit('message:send', { conversationId: id, content: 'Hello AI!' })
  const [data] = await failed
  assert.deepEqual(Object.keys(data).sort(), ['code', 'conversationId', 'message', 'messageId'])
  assert.deepEqual([data.conversationId, data.code], [id, 'AI_UNAVAILABLE'])
})
