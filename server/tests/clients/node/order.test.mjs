// Many events stay in order: stored, sent, and caught up with.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { beginSession, createProject, ingest, keydown, storedEvents, token } from './api.mjs'
import { ask, next, open, record, settled, signedIn } from './client.mjs'
import { startServer } from './server.mjs'

const BATCH = 1000
const EVENTS = 20_000

let server
before(async () => {
  server = await startServer({ env: { RATE_LIMIT_MAX: '100000', LOG_EVENTS: '100000' } })
})
after(() => server.stop())

const batch = (first, length) => Array.from({ length }, (_, n) => keydown(first + n))
const events = (seen) => seen.filter(([name]) => name === 'event-received')

test('20,000 events come back in the order they were sent', async (t) => {
  const project = await createProject(server, 'anna')
  const socket = await signedIn(t, server, 'anna')
  const { data } = await ask(socket, 'join-project', project.id)
  const seen = record(socket)
  const sessionId = await beginSession(server, project)
  for (let first = 0; first < EVENTS; first += BATCH) {
    const { status, body } = await ingest(server, project, sessionId, batch(first, BATCH))
    assert.equal(status, 202)
    assert.deepEqual(body, { stored: BATCH, broadcast: 10 })
  }

  const stored = await storedEvents(server, 'anna', sessionId)
  assert.equal(stored.length, EVENTS)
  assert.ok(stored.every(({ n }, at) => n === at))

  // Who watched saw the first ten of each batch, without a gap in the log.
  await settled(socket)
  const sent = Array.from({ length: EVENTS / BATCH }, (_, at) => batch(at * BATCH, 10)).flat()
  assert.deepEqual(events(seen).map(([, { event }]) => event), sent)
  const offsets = seen.filter(([, , meta]) => meta?.room).map(([, , meta]) => meta.offset)
  assert.deepEqual(offsets, offsets.map((_, at) => data.position.offset + 1 + at))
})

test('events that one client sends are handled in the order they were sent', async (t) => {
  const socket = await signedIn(t, server, 'anna')
  const order = []
  const answers = Array.from({ length: 5000 }, (_, n) =>
    ask(socket, n % 2 === 0 ? 'room:join' : 'room:leave', 'lobby').then(({ ok }) => order.push([n, ok])),
  )
  await Promise.all(answers)
  assert.deepEqual(order, Array.from({ length: 5000 }, (_, n) => [n, true]))
})

test('who comes back is sent what was missed, in order, and nothing twice', async (t) => {
  const project = await createProject(server, 'anna')
  const room = `project:${project.id}`
  const first = await signedIn(t, server, 'anna')
  await ask(first, 'join-project', project.id)
  const sessionId = await beginSession(server, project)
  const [[, meta]] = await Promise.all([
    next(first, 'event-received', ({ event }) => event.n === 4),
    ingest(server, project, sessionId, batch(0, 5)),
  ])
  first.disconnect()
  for (let n = 5; n < 105; n += 10) await ingest(server, project, sessionId, batch(n, 10))

  const resume = [{ room, epoch: meta.epoch, offset: meta.offset }]
  const second = open(t, server, { auth: { token: token('anna'), resume } })
  const seen = record(second)
  const [{ rooms }] = await next(second, 'resumed')
  assert.equal(rooms[0].recovered, true)
  assert.equal(rooms[0].missed, 100)
  await ingest(server, project, sessionId, batch(105, 5))
  await settled(second)
  const got = events(seen).map(([, { event }]) => event.n)
  assert.deepEqual(got, Array.from({ length: 105 }, (_, at) => at + 5))

  // The hole that a client would see without it can be read as well.
  const history = await ask(second, 'room:history', { room, epoch: meta.epoch, after: meta.offset })
  assert.equal(history.data.complete, true)
  assert.deepEqual(history.data.events.map(({ payload }) => payload.event.n), got)
})

test('a log of another life is not recovered from', async (t) => {
  const project = await createProject(server, 'anna')
  const resume = [{ room: `project:${project.id}`, epoch: 'of-another-life', offset: 7 }]
  const socket = open(t, server, { auth: { token: token('anna'), resume } })
  const [{ rooms }] = await next(socket, 'resumed')
  assert.equal(rooms[0].recovered, false)
  assert.equal(rooms[0].error, undefined)
  assert.equal(typeof rooms[0].position.epoch, 'string')
})

test('a filtered join is sent those events alone', async (t) => {
  const project = await createProject(server, 'anna')
  const socket = await signedIn(t, server, 'anna')
  await ask(socket, 'room:join', { room: `project:${project.id}`, events: ['session-started'] })
  const seen = record(socket)
  const sessionId = await beginSession(server, project)
  await ingest(server, project, sessionId, batch(0, 5))
  await settled(socket)
  assert.deepEqual(seen.filter(([, , meta]) => meta?.room).map(([name]) => name), ['session-started'])
})

test('a filtered join catches up however many events are not wanted', async (t) => {
  const project = await createProject(server, 'anna')
  const room = `project:${project.id}`
  const watcher = await signedIn(t, server, 'anna')
  const { data } = await ask(watcher, 'join-project', project.id)
  const sessionId = await beginSession(server, project)
  for (let n = 0; n < 300; n += 10) await ingest(server, project, sessionId, batch(n, 10))

  const socket = await signedIn(t, server, 'anna')
  const seen = record(socket)
  const began = next(socket, 'session-started', (_, { offset }) => offset > data.position.offset + 1)
  const joined = await ask(socket, 'room:join', { room, since: data.position, events: ['session-started'] })
  assert.equal(joined.data.recovered, true)
  await beginSession(server, project)
  await began
  assert.equal(seen.filter(([name]) => name === 'session-started').length, 2)
  assert.equal(events(seen).length, 0)
})
