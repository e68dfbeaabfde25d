// What several servers store is told in the order it was stored: whoever changes what, and on which server
// (operations.md, "Backplane").
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { addMember, call, createProject, upload } from './api.mjs'
import { ask, next, record, settled, signedIn } from './client.mjs'
import { newDatabase, removeDatabase } from './database.mjs'
import { eventually, startRedis } from './redis.mjs'
import { startServer } from './server.mjs'
import { bring, inboxOf, message, WEBHOOK_SECRET } from './webhook.mjs'

/** Changes of one thing, and how many are under way at a time. */
const CHANGES = 240
const AT_ONCE = 8

const ends = []
const servers = []
let redis
before(async () => {
  redis = await startRedis({ after: (end) => ends.push(end) })
  const database = newDatabase()
  ends.push(() => removeDatabase(database))
  const env = { REDIS_URL: redis.url, RATE_LIMIT_MAX: '1000000', RUST_LOG: 'off', WEBHOOK_SECRET }
  for (let number = 0; number < 2; number += 1) {
    const server = await startServer({ env, database })
    ends.push(() => server.end('SIGKILL'))
    servers.push(server)
  }
})
after(async () => {
  for (const end of ends.reverse()) await end()
})

/** A client of each user, in turns on one server and the other. */
const everywhere = (t, users) => Promise.all(users.map((user, at) => signedIn(t, servers[at % 2], user)))

/** Makes all changes, so many at a time, in turns on one server and the other. */
async function change(make) {
  let made = 0
  const changing = async (at) => {
    while (made < CHANGES) await make(at, (made += 1))
  }
  await Promise.all(Array.from({ length: AT_ONCE }, (_, at) => changing(at)))
}

/** What `act` is answered, tried again where Redis was taken for away: a machine may stand still for seconds. */
async function served(act) {
  for (;;) {
    const answer = await act()
    if ((answer.error ?? answer.body)?.code !== 'UNAVAILABLE') return answer
  }
}

const told = (heard, event) => heard.filter(([name]) => name === event).map(([, payload]) => payload)
const upTo = (last) => Array.from({ length: last }, (_, at) => at + 1)

/** All have heard the same of an event, in the order of the offsets: its payloads. */
async function heardByAll(all, event, count) {
  await eventually(`${count} of ${event} are heard`, () => all.every((heard) => told(heard, event).length >= count))
  const metas = all.map((heard) => heard.filter(([name]) => name === event).map(([, , { epoch, offset }]) => [epoch, offset]))
  for (const meta of metas) assert.deepEqual(meta, metas[0])
  assert.ok(metas[0].every(([epoch, offset], at) => at === 0 || (epoch === metas[0][0][0] && offset > metas[0][at - 1][1])))
  return told(all[0], event)
}

test('an item of a workspace: each version after the one it was made of', async (t) => {
  const room = 'room:order'
  const sockets = await everywhere(t, ['anna', 'ben', 'anna', 'ben'])
  for (const socket of sockets) assert.ok((await ask(socket, 'room:join', room)).ok)
  const heard = sockets.map(record)
  const update = (at, payload) => ask(sockets[at % sockets.length], 'data:update', { room, entity: 'task', id: 'one', ...payload })
  assert.ok((await update(0, { action: 'create', data: 0 })).ok)
  let current = 1
  let conflicts = 0
  await change(async (at, n) => {
    for (;;) {
      // Some look at what they change, some don't; what one server tells takes it longer than the other.
      const baseVersion = at % 4 === 0 ? current : undefined
      const text = at % 2 ? '' : 'x'.repeat(60_000)
      const { ok, data, error } = await served(() => update(at, { action: 'update', data: { n, text }, baseVersion }))
      if (!ok) assert.equal(error.code, 'CONFLICT')
      current = Math.max(current, (ok ? data : error.current).version)
      if (ok) return
      conflicts += 1
    }
  })
  t.diagnostic(`${conflicts} conflicts`)
  const updates = await heardByAll(heard, 'data:update', CHANGES + 1)
  assert.deepEqual(updates.map(({ version }) => version), upTo(CHANGES + 1))
  const { data } = await ask(sockets[0], 'data:snapshot', { room, entity: 'task' })
  assert.deepEqual(data.items, [{ id: 'one', version: CHANGES + 1, data: updates.at(-1).data }])
})

test('a transcript: each version after the one before', async (t) => {
  const project = await createProject(servers[0], 'anna')
  await addMember(servers[0], 'anna', project, 'ben')
  const sockets = await everywhere(t, ['anna', 'ben'])
  for (const socket of sockets) assert.ok((await ask(socket, 'join_project', project.id)).ok)
  const processed = next(sockets[0], 'story_processed')
  const { body: { id } } = await upload(servers[0], 'anna', project, { title: 'Order', text: 'none yet' })
  await processed
  const heard = sockets.map(record)
  await change(async (at, n) => {
    const [server, as] = [servers[at % 2], at % 2 ? 'ben' : 'anna']
    const { status, body } = await served(() => call(server, 'PUT', `/api/stories/${id}/transcript`, { as, body: { transcript: `by ${n}` } }))
    assert.equal(status, 200, JSON.stringify(body))
  })
  const updates = await heardByAll(heard, 'transcript_updated', CHANGES)
  assert.deepEqual(updates.map(({ version }) => version), upTo(CHANGES + 1).slice(1))
  const { body } = await call(servers[1], 'GET', `/api/stories/${id}`, { as: 'anna' })
  assert.deepEqual([body.version, body.transcript], [CHANGES + 1, updates.at(-1).transcript])
})

test('a conversation: what was told last of its title is what it is called', async (t) => {
  const sockets = await everywhere(t, ['anna', 'ben', 'anna', 'ben'])
  const { data: { id: conversationId } } = await ask(sockets[0], 'conversation:create', {})
  const path = `/api/conversations/${conversationId}/participants/ben`
  assert.equal((await call(servers[0], 'PUT', path, { as: 'anna' })).status, 200)
  const heard = sockets.map(record)
  for (let round = 1; round <= CHANGES / AT_ONCE; round += 1) {
    const rename = (at) =>
      served(() => ask(sockets[at % sockets.length], 'conversation:update', { conversationId, title: `${round} ${at}` }))
    const answers = await Promise.all(Array.from({ length: AT_ONCE }, (_, at) => rename(at)))
    assert.ok(answers.every(({ ok }) => ok), JSON.stringify(answers))
    await eventually('all is heard', () => heard.every((all) => told(all, 'conversation:update').length === round * AT_ONCE))
    const { status, body } = await call(servers[round % 2], 'GET', '/api/conversations', { as: 'anna' })
    assert.equal(status, 200, JSON.stringify(body))
    const { title } = body.conversations.find(({ id }) => id === conversationId)
    const titles = heard.map((all) => told(all, 'conversation:update').map(({ conversation }) => conversation.title))
    assert.equal(titles[0].at(-1), title)
    for (const others of titles) assert.deepEqual(others, titles[0], 'to all who take part in one order')
  }
})

test('an inbox: each count after the one before', async (t) => {
  const sockets = await everywhere(t, ['dora', 'dora'])
  const heard = sockets.map(record)
  await change(async (at) => {
    const brought = message('dora')
    const { status, body } = await served(() => bring(servers[at % 2], 'fax', brought))
    assert.equal(status, 202, JSON.stringify(body))
  })
  const counts = await heardByAll(heard, 'unread_count_update', CHANGES)
  assert.deepEqual(counts.map(({ totalUnread }) => totalUnread), upTo(CHANGES))
  for (const server of servers) assert.equal((await inboxOf(server, 'dora')).conversations[0].unreadCount, CHANGES)
  await Promise.all(sockets.map(settled))
})

test('while Redis is away nothing is stored that nobody could be told of', async () => {
  const project = await createProject(servers[0], 'anna')
  const { body: { id } } = await upload(servers[0], 'anna', project, { title: 'Later', text: 'before' })
  const transcribe = (server, transcript) => call(server, 'PUT', `/api/stories/${id}/transcript`, { as: 'anna', body: { transcript } })
  await redis.stop()
  for (const server of servers) {
    const refused = await Promise.all([transcribe(server, 'meanwhile'), bring(server, 'fax', message('emil'))])
    for (const { status, body } of refused) assert.deepEqual([status, body.code], [503, 'UNAVAILABLE'])
  }
  const { body } = await call(servers[0], 'GET', `/api/stories/${id}`, { as: 'anna' })
  assert.deepEqual([body.version, body.transcript], [1, 'before'])
  assert.deepEqual((await inboxOf(servers[1], 'emil')).conversations, [])
  await redis.start()
  for (const server of servers) await eventually('it is changed', async () => (await transcribe(server, 'after')).status === 200)
  for (const server of servers) assert.equal((await bring(server, 'fax', message('emil'))).status, 202)
})
