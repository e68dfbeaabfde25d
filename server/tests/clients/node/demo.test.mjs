// The demo's sample data and its traffic, by a client of its own (operations.md).
import assert from 'node:assert/strict'
import { once } from 'node:events'
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
  await ask(ada, 'room:join', 'room:board')
  const moved = once(ada, 'data:update', { signal: AbortSignal.timeout(TRAFFIC_MS) })
  const cards = async () => (await ask(ada, 'data:snapshot', { room: 'room:board', entity: 'card' })).data.items
  while ((await cards()).length < 9);
  const before = new Map((await cards()).map((card) => [card.id, card]))
  const columns = new Set()
  for (const { data } of before.values()) {
    assert.deepEqual(Object.keys(data).filter((field) => field !== 'color').sort(), ['column', 'order', 'title'])
    assert.deepEqual([typeof data.title, typeof data.order], ['string', 'number'])
    columns.add(data.column)
  }
  assert.deepEqual([...columns].sort(), ['doing', 'done', 'todo'])
  let [change] = await moved
  while (change.action === 'create') [change] = await once(ada, 'data:update', { signal: AbortSignal.timeout(TRAFFIC_MS) })
  const { id, action, data, version, userId } = change
  assert.equal(action, 'update')
  const card = before.get(id)
  assert.notEqual(data.column, card.data.column)
  assert.equal(data.title, card.data.title)
  assert.equal(version, card.version + 1)
  assert.ok(['alan', 'katherine'].includes(userId))
})
