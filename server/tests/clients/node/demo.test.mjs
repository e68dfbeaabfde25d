// The demo's sample data and its traffic, by a client of its own (operations.md).
import assert from 'node:assert/strict'
import { on } from 'node:events'
import { after, before, test } from 'node:test'
import { ask, next, open } from './client.mjs'
import { startServer } from './server.mjs'

/** The demo pauses for seconds between what it does. */
const TRAFFIC_MS = 30_000

let server
before(async () => {
  server = await startServer({ env: { JWT_SECRET: undefined }, flags: ['--demo'] })
})
after(() => server.stop())

async function inhabitant(t, user) {
  const jwt = await (await fetch(`${server.url}/demo/token?user=${user}`)).text()
  const socket = open(t, server, { auth: { token: jwt } })
  await next(socket, 'authenticated')
  return socket
}

test('a board of cards, which somebody moves now and then', async (t) => {
  const ada = await inhabitant(t, 'ada')
  const updates = on(ada, 'data:update', { signal: AbortSignal.timeout(TRAFFIC_MS) })
  await ask(ada, 'room:join', 'room:board')
  const { data: { items, position } } = await ask(ada, 'data:snapshot', { room: 'room:board', entity: 'card' })
  // The snapshot, then the log from its position, until a card is moved.
  const before = new Map(items.map((card) => [card.id, card]))
  let change
  for await (const [told, { offset }] of updates) {
    if (offset <= position.offset) continue
    change = told
    if (change.action !== 'create') break
    before.set(change.id, change)
  }
  assert.equal(before.size, 9)
  const columns = new Set()
  for (const { data } of before.values()) {
    assert.deepEqual(Object.keys(data).filter((field) => field !== 'color').sort(), ['column', 'order', 'title'])
    assert.deepEqual([typeof data.title, typeof data.order], ['string', 'number'])
    columns.add(data.column)
  }
  assert.deepEqual([...columns].sort(), ['doing', 'done', 'todo'])
  const { id, action, data, version, userId } = change
  assert.equal(action, 'update')
  const card = before.get(id)
  assert.notEqual(data.column, card.data.column)
  assert.equal(data.title, card.data.title)
  assert.equal(version, card.version + 1)
  assert.ok(['alan', 'katherine'].includes(userId))
})

test('a project with stories, which are told and talked about', async (t) => {
  const get = async (path, user) => {
    const jwt = await (await fetch(`${server.url}/demo/token?user=${user}`)).text()
    const response = await fetch(server.url + path, { headers: { authorization: `Bearer ${jwt}` } })
    assert.equal(response.status, 200, path)
    return response
  }
  const listed = async (path, user) => (await get(path, user)).json()
  const alan = await inhabitant(t, 'alan')
  let project, stories, first, interactions
  for (const deadline = Date.now() + TRAFFIC_MS; ; ) {
    project = (await listed('/api/projects', 'alan')).find(({ name }) => name === 'Coffee club')
    stories = project ? (await listed(`/api/projects/${project.id}/stories`, 'alan')).stories : []
    first = stories.find(({ title }) => title === 'How the club began')
    interactions = first ? (await listed(`/api/stories/${first.id}/interactions`, 'ada')).interactions : []
    if (stories.length >= 3 && stories.every(({ status }) => status === 'processed') && interactions.length >= 3) break
    assert.ok(Date.now() < deadline, JSON.stringify(stories))
  }
  assert.ok(stories.some(({ transcript, size }) => transcript && !size))
  const { id, duration, sampleRate, mediaType } = stories.find(({ title }) => title === 'The machine, singing')
  assert.deepEqual([duration, sampleRate, mediaType], [3.5, 8000, 'audio/x-wav'])
  assert.equal((await get(`/api/stories/${id}/media`, 'grace')).headers.get('content-type'), 'audio/x-wav')
  assert.deepEqual(interactions.slice(0, 3).map(({ type }) => type), ['question', 'answer', 'comment'])
  const told = new Promise((resolve) => ['interaction_added', 'story_uploaded'].forEach((name) => alan.once(name, resolve)))
  assert.equal((await ask(alan, 'join_project', project.id)).ok, true)
  const payload = await told
  assert.equal(payload.projectId, project.id)
})

test('everybody has talked with the assistant before, and it answers', async (t) => {
  for (const user of ['ada', 'grace', 'alan', 'katherine']) {
    const jwt = await (await fetch(`${server.url}/demo/token?user=${user}`)).text()
    const get = async (path) => (await fetch(server.url + path, { headers: { authorization: `Bearer ${jwt}` } })).json()
    const { conversations } = await get('/api/conversations')
    assert.deepEqual(conversations.map(({ ownerId }) => ownerId), [user])
    const { messages } = await get(`/api/conversations/${conversations[0].id}/messages`)
    assert.deepEqual(messages.map(({ role }) => role), ['user', 'assistant', 'user', 'assistant'])
    assert.ok(messages.every(({ content, incomplete }) => content !== '' && !incomplete))
    const socket = await inhabitant(t, user)
    const over = next(socket, 'message:complete')
    await ask(socket, 'message:send', { conversationId: conversations[0].id, content: 'And with milk?' })
    assert.match((await over)[0].assistantMessage.content, /And with milk\?$/)
  }
})
