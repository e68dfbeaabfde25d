// Nobody sees what isn't theirs (the live preview's page, "Security Considerations").
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { beginSession, call, createProject, ingest, keydown, setActive, token } from './api.mjs'
import { ask, next, open, record, settled, signedIn } from './client.mjs'
import { startServer } from './server.mjs'

let server
before(async () => {
  server = await startServer({ env: { RATE_LIMIT_MAX: '100000' } })
})
after(() => server.stop())

const LIVE = ['session-started', 'event-received', 'session-ended']
const live = (seen) => seen.filter(([name]) => LIVE.includes(name))

test('a user of one project never receives another project\'s events', async (t) => {
  const [hers, his] = await Promise.all([createProject(server, 'anna'), createProject(server, 'ben')])
  const anna = await signedIn(t, server, 'anna')
  const ben = await signedIn(t, server, 'ben')
  assert.equal((await ask(anna, 'join-project', hers.id)).ok, true)
  assert.equal((await ask(ben, 'join-project', his.id)).ok, true)
  const [annaSaw, benSaw] = [record(anna), record(ben)]

  const [herSession, hisSession] = await Promise.all([beginSession(server, hers), beginSession(server, his)])
  await Promise.all(
    Array.from({ length: 20 }, (_, n) => [
      ingest(server, hers, herSession, [keydown(n)]),
      ingest(server, his, hisSession, [keydown(n)]),
    ]).flat(),
  )
  await Promise.all([settled(anna), settled(ben)])

  for (const [seen, project, session] of [[annaSaw, hers, herSession], [benSaw, his, hisSession]]) {
    assert.equal(live(seen).length, 21)
    for (const [, payload, meta] of live(seen)) {
      assert.equal(payload.sessionId, session)
      assert.equal(meta.room, `project:${project.id}`)
    }
  }
})

test('two projects of one user are told apart', async (t) => {
  const [one, two] = await Promise.all([createProject(server, 'anna'), createProject(server, 'anna')])
  const socket = await signedIn(t, server, 'anna')
  await ask(socket, 'join-project', one.id)
  const seen = record(socket)
  await beginSession(server, two)
  await settled(socket)
  assert.deepEqual(live(seen), [])
})

test('whoever doesn\'t own a project gets neither in nor at what is stored', async (t) => {
  const project = await createProject(server, 'anna')
  const sessionId = await beginSession(server, project)
  const ben = await signedIn(t, server, 'ben')
  const seen = record(ben)
  for (const [event, payload] of [
    ['join-project', { projectId: project.id }],
    ['join-project', project.id],
    ['room:join', `project:${project.id}`],
    ['room:join', { room: `project:${project.id}`, since: { epoch: 'e', offset: 0 } }],
  ]) {
    const { error } = await ask(ben, event, payload)
    assert.equal(error?.code, 'UNAUTHORIZED', JSON.stringify([event, payload]))
  }
  const { error } = await ask(ben, 'room:history', { room: `project:${project.id}`, epoch: 'e', after: 0 })
  assert.equal(error.code, 'NOT_FOUND')

  await ingest(server, project, sessionId, [keydown(1)])
  await settled(ben)
  assert.deepEqual(live(seen), [])

  for (const path of [`/api/projects/${project.id}/sessions`, `/api/sessions/${sessionId}/events`]) {
    const { status } = await call(server, 'GET', path, { as: 'ben' })
    assert.ok(status === 403 || status === 404, `${path}: ${status}`)
    assert.equal((await call(server, 'GET', path)).status, 401)
  }
})

test('nobody gets into another user\'s own room', async (t) => {
  const ben = await signedIn(t, server, 'ben')
  const { error } = await ask(ben, 'room:join', 'user:anna')
  assert.equal(error.code, 'ACCESS_DENIED')
})

test('a handshake that resumes a room is asked for access again', async (t) => {
  const project = await createProject(server, 'anna')
  const room = `project:${project.id}`
  const resume = [{ room, epoch: 'e', offset: 0 }]
  const ben = open(t, server, { auth: { token: token('ben'), resume } })
  const [{ rooms }] = await next(ben, 'resumed')
  assert.equal(rooms.length, 1)
  assert.equal(rooms[0].room, room)
  assert.equal(rooms[0].recovered, false)
  assert.equal(rooms[0].error.code, 'UNAUTHORIZED')
})

test('a project that is deactivated empties its room', async (t) => {
  const project = await createProject(server, 'anna')
  const sockets = await Promise.all([signedIn(t, server, 'anna'), signedIn(t, server, 'anna')])
  for (const socket of sockets) await ask(socket, 'join-project', project.id)
  const sessionId = await beginSession(server, project)
  const told = sockets.map((socket) => next(socket, 'error'))
  await setActive(server, 'anna', project, false)
  for (const [error] of await Promise.all(told)) {
    assert.equal(error.code, 'PROJECT_INACTIVE')
    assert.equal(error.room, `project:${project.id}`)
  }
  const { error } = await ask(sockets[0], 'join-project', project.id)
  assert.equal(error.code, 'PROJECT_INACTIVE')

  // Who was in it hears nothing more, even once it is active again.
  const seen = sockets.map(record)
  await setActive(server, 'anna', project, true)
  await ingest(server, project, sessionId, [keydown(1)])
  await Promise.all(sockets.map(settled))
  assert.deepEqual(seen.flatMap(live), [])
  assert.equal((await ask(sockets[0], 'leave-project', project.id)).error.code, 'LEAVE_FAILED')
  assert.equal((await ask(sockets[1], 'join-project', project.id)).ok, true)
})
