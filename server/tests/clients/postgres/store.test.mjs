// What only PostgreSQL has: an address with a password, a network in between, and several servers that write at once.
// All other tests of the server run on PostgreSQL too (SAMEWIRE_TEST_POSTGRES).
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { basename } from 'node:path'
import { test } from 'node:test'
import { beginSession, call, createProject, upload } from '../node/api.mjs'
import { ask, signedIn } from '../node/client.mjs'
import { databaseUrl, newDatabase, removeDatabase, sql } from '../node/database.mjs'
import { startServer, whyNotStarted } from '../node/server.mjs'
import { until } from '../node/stories.mjs'
import { bring, inboxOf, message, messagesOf, WEBHOOK_SECRET } from '../node/webhook.mjs'

assert.ok(process.env.SAMEWIRE_TEST_POSTGRES, 'SAMEWIRE_TEST_POSTGRES must be the address of a PostgreSQL server: cargo xtask test postgres starts one')
const { hostname, port, password } = new URL(process.env.SAMEWIRE_TEST_POSTGRES)

/** The address of a database, with something else about it. */
const address = (folder, changes) => Object.assign(new URL(databaseUrl(folder)), changes).href

/** Servers on one database. */
async function servers(t, count, env) {
  const database = newDatabase()
  const started = await Promise.all(Array.from({ length: count }, () => startServer({ database, env })))
  t.after(async () => {
    for (const server of started) await server.end('SIGKILL')
    removeDatabase(database)
  })
  return started
}

test('a database that can\'t be used stops the start, which names the setting and never shows the password', async (t) => {
  const folder = newDatabase()
  t.after(() => removeDatabase(folder))
  const nobody = createServer().listen(0, '127.0.0.1')
  await once(nobody, 'listening')
  const closed = nobody.address().port
  await new Promise((resolve) => nobody.close(resolve))
  const wrong = [
    [address(folder, { password: 'another-password' }), /^.*DATABASE_URL can't be opened: .*password authentication failed/m],
    [address(folder, { pathname: 'no-such-database' }), /DATABASE_URL can't be opened: .*"no-such-database" does not exist/],
    [address(folder, { port: closed }), /DATABASE_URL can't be opened: .*refused/],
    [address(folder, { search: '?sslmode=require' }), /DATABASE_URL can't be opened: .*TLS/],
    [address(folder, {}).replace(`:${port}/`, ':another-password/'), /DATABASE_URL must be sqlite:\/\/PATH or postgres:\/\//],
  ]
  for (const [url, reason] of wrong) {
    const { code, said } = await whyNotStarted({ DATABASE_URL: url, RUST_LOG: 'trace' })
    assert.notEqual(code, 0)
    assert.match(said, reason)
    for (const secret of [password, 'another-password']) assert.ok(!said.includes(secret), 'a password is shown')
  }
})

test('a network that breaks: /health tells of it, calls are refused, and all is well again by itself', async (t) => {
  const folder = newDatabase()
  t.after(() => removeDatabase(folder))
  const pipes = new Set()
  let cut = false
  const proxy = createServer((near) => {
    if (cut) return near.destroy()
    const far = connect(port, hostname)
    pipes.add(near)
    for (const [one, other] of [[near, far], [far, near]]) one.on('error', () => {}).on('close', () => other.destroy()).pipe(other)
  }).listen(0, '127.0.0.1')
  t.after(() => proxy.close())
  await once(proxy, 'listening')
  let log = ''
  const env = { DATABASE_URL: address(folder, { port: proxy.address().port }), RUST_LOG: 'trace' }
  const server = await startServer({ database: folder, env, log: (text) => (log += text) })
  t.after(() => server.end('SIGKILL'))
  const health = async () => (await fetch(`${server.url}/health`)).json()
  const project = await createProject(server, 'anna')
  const socket = await signedIn(t, server, 'anna')
  assert.equal((await ask(socket, 'join-project', project.id)).ok, true)

  cut = true
  for (const pipe of pipes) pipe.destroy()
  await until('/health tells of it', async () => {
    const { status, services } = await health()
    return status === 'unavailable' && services.database === 'disconnected'
  })
  const { status, body } = await call(server, 'GET', `/api/projects/${project.id}`, { as: 'anna' })
  assert.deepEqual([status, body.code], [503, 'UNAVAILABLE'])
  assert.equal((await ask(socket, 'ping', {})).ok, true)

  cut = false
  await until('/health is well', async () => (await health()).status === 'ok')
  assert.equal((await call(server, 'GET', `/api/projects/${project.id}`, { as: 'anna' })).status, 200)
  assert.ok(socket.connected)
  assert.ok(!log.includes(password), 'the password stands in the log')
})

test('a text with U+0000, which PostgreSQL has no place for, is refused', async (t) => {
  const [server] = await servers(t, 1)
  const { status, body } = await call(server, 'POST', '/api/projects', { as: 'anna', body: { name: 'a\0b' } })
  assert.deepEqual([status, body.code], [400, 'INVALID_PAYLOAD'])
  assert.match(body.detail, /U\+0000/)
})

test('servers that begin on one empty database at once all serve', async (t) => {
  const all = await servers(t, 4)
  const project = await createProject(all[0], 'anna')
  for (const server of all) assert.equal((await call(server, 'GET', `/api/projects/${project.id}`, { as: 'anna' })).status, 200)
})

test('a newer server may add columns to all tables, and this one goes on, and is started again beside it', async (t) => {
  const database = newDatabase()
  t.after(() => removeDatabase(database))
  const env = { RATE_LIMIT_MAX: '100000', WEBHOOK_SECRET }
  let server = await startServer({ database, env })
  t.after(() => server.end('SIGKILL'))
  const as = 'anna'
  const project = await createProject(server, as)
  const session = await beginSession(server, project)
  const { body: story } = await upload(server, as, project, { title: 'A story', text: 'Once.' })
  const { body: said } = await call(server, 'POST', `/api/stories/${story.id}/interactions`, { as, body: { type: 'comment', content: 'Well told.' } })
  const { body: { exportId } } = await call(server, 'POST', `/api/projects/${project.id}/exports`, { as, body: { format: 'json' } })
  const { body: brought } = await bring(server, 'sms', message(as))
  let socket = await signedIn(t, server, as)
  const { data: conversation } = await ask(socket, 'conversation:create', {})
  const chat = { conversationId: conversation.id }
  const item = { room: 'room:garden', entity: 'task' }
  assert.equal((await ask(socket, 'room:join', item.room)).ok, true)

  /** All that reads rows, or changes and gives them back; and what was answered. */
  async function all() {
    const answers = []
    const get = async (path) => answers.push([path, (await call(server, 'GET', path, { as })).status])
    const post = async (path, body) => answers.push([path, (await call(server, 'POST', path, { as, body })).status])
    const emit = async (event, payload) => answers.push([event, (await ask(socket, event, payload)).ok])
    for (const path of ['', '/sessions', '/stories', '/exports']) await get(`/api/projects/${project.id}${path}`)
    for (const path of ['/api/projects', '/api/conversations', '/api/inbox/conversations']) await get(path)
    for (const path of [`/api/stories/${story.id}`, `/api/stories/${story.id}/interactions`, `/api/exports/${exportId}`]) await get(path)
    for (const path of [`/api/sessions/${session}/events`, `/api/conversations/${chat.conversationId}/messages`]) await get(path)
    await get(`/api/inbox/conversations/${brought.conversationId}/messages`)
    answers.push(['PATCH', (await call(server, 'PATCH', `/api/interactions/${said.id}`, { as, body: { resolved: true } })).status])
    answers.push(['webhook', (await bring(server, 'sms', message(as))).status])
    const { messages } = (await call(server, 'GET', `/api/inbox/conversations/${brought.conversationId}/messages`, { as })).body
    for (const how of ['delivered', 'read']) await post(`/api/inbox/messages/${messages[0].id}/${how}`)
    await emit('join-project', { projectId: project.id })
    await emit('join:conversation', chat)
    await emit('conversation:update', { ...chat, title: 'Another' })
    await emit('message:send', { ...chat, content: 'Hello' })
    await emit('data:update', { ...item, action: 'create', data: 1 })
    await emit('data:snapshot', item)
    return answers.map(([what, answer]) => [what.replaceAll(/[0-9a-f-]{36}/g, '…'), answer])
  }

  const before = await all()
  assert.deepEqual(before.filter(([, answer]) => answer !== true && !(answer < 300)), [])
  const tables = sql(databaseUrl(database), "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename NOT LIKE '\\_%'").trim().split('\n')
  assert.ok(tables.length > 10)
  for (const table of tables) sql(databaseUrl(database), `ALTER TABLE "${table}" ADD COLUMN added_later BIGINT NOT NULL DEFAULT 7`)
  sql(databaseUrl(database), `INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES (9999, 'later', true, 'x', 1)`)
  assert.deepEqual(await all(), before)

  await server.end('SIGTERM')
  server = await startServer({ database, env })
  socket = await signedIn(t, server, as)
  assert.equal((await ask(socket, 'room:join', item.room)).ok, true)
  assert.deepEqual(await all(), before)
})

test('messages that are brought to several servers at once, and read meanwhile, are stored once and counted right', async (t) => {
  const all = await servers(t, 3, { RATE_LIMIT_MAX: '100000', WEBHOOK_SECRET })
  const bodies = Array.from({ length: 60 }, (_, n) => message('anna', { externalConversationId: `c-${n % 2}`, externalMessageId: `m-${n}` }))
  const read = async (server) => {
    for (let round = 0; round < 10; round++) {
      for (const { id } of (await inboxOf(server, 'anna')).conversations) {
        const { status, body } = await call(server, 'POST', `/api/inbox/conversations/${id}/read`, { as: 'anna' })
        assert.equal(status, 200, JSON.stringify(body))
      }
    }
  }
  const brought = all.map(async (server) => {
    const ids = []
    for (const body of bodies) {
      const { status, body: answer } = await bring(server, 'sms', body)
      assert.equal(status, 202, JSON.stringify(answer))
      ids.push(answer.messageId)
    }
    return ids
  })
  await Promise.all([...brought, ...all.map(read)])
  const [ids, ...others] = await Promise.all(brought)
  for (const same of others) assert.deepEqual(same, ids)
  const { conversations, unreadCounts } = await inboxOf(all[1], 'anna')
  const messages = (await Promise.all(conversations.map(({ id }) => messagesOf(all[2], 'anna', id)))).flat()
  assert.equal(messages.length, bodies.length)
  const unread = messages.filter(({ status }) => status !== 'read').length
  assert.equal(conversations.reduce((sum, { unreadCount }) => sum + unreadCount, 0), unread)
  assert.deepEqual(unreadCounts, { sms: unread })
})

test('of those who change one version of an item on several servers, one wins', async (t) => {
  const all = await servers(t, 3, { RATE_LIMIT_MAX: '100000' })
  const sockets = await Promise.all(all.map((server) => signedIn(t, server, 'anna')))
  const item = { room: 'room:garden', entity: 'task', id: 'one' }
  for (const socket of sockets) assert.equal((await ask(socket, 'room:join', item.room)).ok, true)
  assert.equal((await ask(sockets[0], 'data:update', { ...item, action: 'create', data: 0 })).ok, true)
  for (let version = 1; version <= 30; version++) {
    const change = { ...item, action: 'update', data: version, baseVersion: version }
    const answers = await Promise.all(sockets.map((socket) => ask(socket, 'data:update', change)))
    const [won, ...more] = answers.filter(({ ok }) => ok)
    assert.deepEqual([won.data.version, more.length], [version + 1, 0])
    for (const { ok, error } of answers) assert.ok(ok || error.code === 'CONFLICT', JSON.stringify(error))
  }
})
