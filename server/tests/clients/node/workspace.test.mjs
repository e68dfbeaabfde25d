// What several people do together in a room (wire.md, section 12).
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import { createProject } from './api.mjs'
import { ask, next, record, settled, signedIn } from './client.mjs'
import { startServer } from './server.mjs'

let server
before(async () => {
  server = await startServer()
})
after(() => server.stop())

test('a broadcast reaches everybody in the room, with its place in the log', async (t) => {
  const anna = await signedIn(t, server, 'anna')
  const bert = await signedIn(t, server, 'bert')
  await ask(anna, 'room:join', 'board')
  await ask(bert, 'room:join', 'board')
  const came = next(bert, 'broadcast')
  const { ok, data } = await ask(anna, 'broadcast', { room: 'board', event: 'moved', data: { to: [1, 2] } })
  assert.ok(ok)
  const [{ timestamp, ...payload }, meta] = await came
  assert.deepEqual(payload, { room: 'room:board', event: 'moved', data: { to: [1, 2] }, userId: 'anna' })
  assert.ok(Date.parse(timestamp) <= Date.now())
  assert.deepEqual(meta, { room: 'room:board', ...data.position })
})

test('a broadcast that is sent again under its id is not heard twice', async (t) => {
  const anna = await signedIn(t, server, 'anna')
  await ask(anna, 'room:join', 'once')
  const heard = record(anna)
  const id = randomUUID()
  const send = () => ask(anna, 'broadcast', { room: 'once', event: 'moved', data: 1 }, { id })
  assert.deepEqual(await send(), await send())
  await settled(anna)
  assert.equal(heard.filter(([event]) => event === 'broadcast').length, 1)
})

test('who is not in the room, or not in one of its kind, broadcasts nothing', async (t) => {
  const anna = await signedIn(t, server, 'anna')
  const project = await createProject(server, 'anna')
  await ask(anna, 'join-project', project.id)
  const heard = record(anna)
  for (const [room, code] of [['elsewhere', 'NOT_FOUND'], [`project:${project.id}`, 'ACCESS_DENIED'], ['user:anna', 'ACCESS_DENIED']]) {
    const { ok, error } = await ask(anna, 'broadcast', { room, event: 'moved' })
    assert.deepEqual([ok, error.code], [false, code])
  }
  await settled(anna)
  assert.equal(heard.filter(([event]) => event === 'broadcast').length, 0)
})
