// The stories document, its snippets and flows as printed, by the official client. Where the wire differs the wire
// stands: `projectId` is asked for by one name and its rooms are `stories:{projectId}`; the code of too many events is
// RATE_LIMIT_EXCEEDED; and its WebSocketClient, a wrapper of the official client, is the official client here.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { after, before, describe, test } from 'node:test'
import { io } from 'socket.io-client'
import { addMember, call, createProject, token, upload, wav } from './api.mjs'
import { ask, next, record, refusal, settled } from './client.mjs'
import { ownHost, startServer } from './server.mjs'
import { TIME, until } from './stories.mjs'

const KEY = 'the key of a back end'

let server
before(async () => {
  server = await startServer({ env: { PUBLISH_KEY: KEY } })
})
after(() => server.stop())

/** The document's way to connect. */
function connect(t, user, options = {}, to = server) {
  const socket = io(to.url, {
    auth: {
      token: token(user, { email: `${user}@example.org`, name: user }),
    },
    forceNew: true,
    ...options,
  })
  t.after(() => socket.disconnect())
  return socket
}

/** A project of the facilitator fay and the storyteller sam, which anna owns. */
async function family() {
  const project = await createProject(server, 'anna')
  await addMember(server, 'anna', project, 'fay', 'facilitator')
  await addMember(server, 'anna', project, 'sam', 'storyteller')
  return project
}

describe('Authentication', () => {
  test('the server verifies the token and attaches the user to the socket', async (t) => {
    const socket = connect(t, 'sam')
    const [who] = await next(socket, 'authenticated')
    assert.deepEqual([who.userId, who.email], ['sam', 'sam@example.org'])
    const spoilt = io(server.url, { auth: { token: 'your-jwt-token' }, forceNew: true, reconnection: false })
    t.after(() => spoilt.disconnect())
    assert.match(await refusal(spoilt), /^TOKEN_INVALID: /)
  })
})

describe('Room Management', () => {
  test('Project Rooms: join, listen for confirmation, leave', async (t) => {
    const { id: projectId } = await family()
    const socket = connect(t, 'sam')
    await next(socket, 'authenticated')

    // Join project room
    socket.emit('join_project', projectId)

    // Listen for confirmation
    const joined = await new Promise((resolve) => socket.on('joined_project', (data) => resolve(data)))
    assert.deepEqual(joined, { projectId })

    // Leave project room
    socket.emit('leave_project', projectId)
    assert.deepEqual(await next(socket, 'left_project'), [{ projectId }])
  })

  test('Access Control: facilitators and storytellers join; others are rejected with an error event', async (t) => {
    const { id: projectId } = await family()
    for (const user of ['fay', 'sam']) {
      const socket = connect(t, user)
      socket.emit('join_project', projectId)
      assert.deepEqual(await next(socket, 'joined_project'), [{ projectId }])
    }
    const stranger = connect(t, 'stranger')
    await next(stranger, 'authenticated')
    const refused = next(stranger, 'error')
    stranger.emit('join_project', projectId)
    const [error] = await refused
    assert.deepEqual(Object.keys(error).sort(), ['code', 'error', 'event', 'message', 'timestamp'])
    assert.equal(error.code, 'PROJECT_ACCESS_DENIED')
    assert.equal(error.error, error.message)
    assert.equal(error.event, 'join_project')
    assert.match(error.timestamp, TIME)
  })
})

test('Events: a story from its upload to its export, each payload field by field', async (t) => {
  const { id: projectId } = await family()
  const project = { id: projectId }
  const socket = connect(t, 'fay')
  socket.emit('join_project', projectId)
  await next(socket, 'joined_project')
  const seen = record(socket)
  const told = (event) => seen.filter(([name]) => name === event).map(([, payload]) => payload)
  const keys = (payload) => Object.keys(payload).sort()
  const base = ['projectId', 'timestamp']

  // Story events
  const media = wav(1)
  const { body: story } = await upload(server, 'sam', project, { title: 'The harbour in winter', text: 'The ice came early.', media })
  await until('the story is processed', () => told('story_processed').length)
  const [uploaded] = told('story_uploaded')
  assert.deepEqual(keys(uploaded), [...base, 'story', 'uploadedBy'].sort())
  assert.deepEqual([uploaded.projectId, uploaded.uploadedBy], [projectId, 'sam'])
  assert.deepEqual(uploaded.story, story)
  assert.deepEqual(keys(story), [
    'createdAt', 'id', 'projectId', 'size', 'status', 'title', 'transcript', 'uploadedBy', 'version',
  ])
  const [processing] = told('story_processing')
  assert.deepEqual(keys(processing), [...base, 'progress', 'stage', 'storyId'].sort())
  assert.deepEqual([processing.projectId, processing.storyId, typeof processing.stage, typeof processing.progress], [projectId, story.id, 'string', 'number'])
  const [processed] = told('story_processed')
  assert.deepEqual(keys(processed), [...base, 'story'].sort())
  const { duration, size, checksum, wordCount, mediaType, sampleRate } = processed.story
  assert.deepEqual([duration, size, wordCount, mediaType, sampleRate], [1, media.length, 4, 'audio/x-wav', 8000])
  assert.match(checksum, /^[0-9a-f]{64}$/)
  await call(server, 'PUT', `/api/stories/${story.id}/transcript`, { as: 'fay', body: { transcript: 'The ice came late.', version: 1 } })
  await until('the transcript is told', () => told('transcript_updated').length)
  const [transcript] = told('transcript_updated')
  assert.deepEqual(keys(transcript), [...base, 'storyId', 'transcript', 'updatedBy', 'version'].sort())
  assert.deepEqual(
    [transcript.storyId, transcript.transcript, transcript.updatedBy, transcript.version],
    [story.id, 'The ice came late.', 'fay', 2],
  )

  // Interaction events
  const { body: question } = await call(server, 'POST', `/api/stories/${story.id}/interactions`, { as: 'fay', body: { type: 'question', content: 'Which winter?' } })
  await call(server, 'PATCH', `/api/interactions/${question.id}`, { as: 'sam', body: { resolved: true } })
  await until('the interaction is told', () => told('interaction_updated').length)
  const [added] = told('interaction_added')
  const [updated] = told('interaction_updated')
  for (const payload of [added, updated]) assert.deepEqual(keys(payload), [...base, 'interaction'].sort())
  assert.deepEqual(keys(added.interaction), ['authorId', 'content', 'createdAt', 'id', 'resolved', 'storyId', 'type', 'updatedAt'])
  assert.deepEqual(added.interaction, question)
  assert.deepEqual([updated.interaction.id, updated.interaction.resolved], [question.id, true])

  // Export events
  const { body: begun } = await call(server, 'POST', `/api/projects/${projectId}/exports`, { as: 'fay', body: { format: 'zip' } })
  await until('the export is ready', () => told('export_ready').length)
  const { exportId } = begun
  const [started] = told('export_started')
  assert.deepEqual(keys(started), [...base, 'exportId', 'format', 'requestedBy'].sort())
  assert.deepEqual([started.exportId, started.format, started.requestedBy], [exportId, 'zip', 'fay'])
  const progress = told('export_progress').at(-1)
  assert.deepEqual(keys(progress), [...base, 'exportId', 'processed', 'progress', 'total'].sort())
  assert.deepEqual([progress.exportId, progress.progress, progress.processed, progress.total], [exportId, 1, 1, 1])
  const [ready] = told('export_ready')
  assert.deepEqual(keys(ready), [...base, 'downloadUrl', 'expiresAt', 'exportId', 'size'].sort())
  assert.match(ready.expiresAt, TIME)
  const download = await fetch(new URL(ready.downloadUrl, server.url), { headers: { authorization: `Bearer ${token('sam')}` } })
  assert.equal((await download.arrayBuffer()).byteLength, ready.size)

  for (const [name, { projectId: of, timestamp }] of seen.filter(([name]) => /^(story|transcript|interaction|export)_/.test(name))) {
    assert.equal(of, projectId, name)
    assert.match(timestamp, TIME, name)
  }
})

test('System Events: ping is answered by pong, and by its acknowledgement', async (t) => {
  const socket = connect(t, 'sam')
  await next(socket, 'authenticated')
  const pong = next(socket, 'pong')
  socket.emit('ping')
  const [payload] = await pong
  assert.deepEqual(Object.keys(payload), ['timestamp'])
  assert.match(payload.timestamp, TIME)
  assert.equal((await ask(socket, 'ping')).ok, true)
})

test('Rate Limiting: 100 events per user per minute, then an error that says so', async (t) => {
  const first = connect(t, 'busy')
  const second = connect(t, 'busy')
  await Promise.all([first, second].map((socket) => next(socket, 'authenticated')))
  const began = performance.now()
  const answers = await Promise.all(
    Array.from({ length: 100 }, (_, n) => ask(n % 2 ? first : second, 'leave_project', 'no-such-project')),
  )
  for (const { error } of answers) assert.equal(error.code, 'NOT_FOUND')

  // The document's handler
  let served = 100
  let limited
  first.on('error', (error) => {
    switch (error.code) {
      case 'NOT_FOUND':
        served += 1
        break
      case 'RATE_LIMIT_EXCEEDED':
        limited ??= error
        break
      default:
        assert.fail(error.code)
    }
  })
  // However slow it goes: every 0.6 s one more is served.
  while (limited === undefined) {
    for (let n = 0; n < 10; n++) first.emit('leave_project', 'no-such-project')
    await settled(first)
  }
  const elapsed = performance.now() - began
  assert.ok(served <= 101 + elapsed / 600, `${served} were served within ${elapsed} ms`)
  assert.ok(limited.retryAfterMs > 0 && limited.retryAfterMs <= 60_000)
})

test('Connection Recovery: after a restart of the server the client is back by itself and hears of stories again', async (t) => {
  const HOST = ownHost()
  let own = await startServer({ env: { HOST } })
  t.after(() => own.stop())
  const { port } = new URL(own.url)
  const project = await createProject(own, 'anna')
  // autoReconnect, reconnectAttempts and reconnectDelay by the official client's names.
  const socket = connect(t, 'anna', { reconnection: true, reconnectionAttempts: 5, reconnectionDelay: 1000 }, own)
  socket.on('connect', () => socket.emit('join_project', project.id))
  await next(socket, 'joined_project')
  const shutdown = next(socket, 'server_shutdown')
  const again = next(socket, 'joined_project')
  await own.end('SIGTERM')
  const [told] = await shutdown
  assert.deepEqual(Object.keys(told).sort(), ['reason', 'reconnectAfterMs'])
  own = await startServer({ database: own.database, env: { HOST, PORT: port } })
  await again
  const heard = next(socket, 'story_uploaded')
  await upload(own, 'anna', project, { title: 'After the storm' })
  assert.equal((await heard)[0].story.title, 'After the storm')
})

test('Integration with Controllers: a back end emits story_uploaded to a project, checked against its type', async (t) => {
  const { id: projectId } = await family()
  const socket = connect(t, 'sam')
  socket.emit('join_project', projectId)
  await next(socket, 'joined_project')
  const processed = next(socket, 'story_processed')
  const { body: newStory } = await upload(server, 'anna', { id: projectId }, { title: 'Told elsewhere' })
  await processed
  const emitWebSocketEvent = async (event, data, { projectId }) => {
    const response = await fetch(`${server.url}/api/publish`, {
      method: 'POST',
      headers: { 'x-api-key': KEY, 'content-type': 'application/json' },
      body: JSON.stringify({ room: `stories:${projectId}`, event, data }),
    })
    return { status: response.status, body: await response.json() }
  }
  const heard = next(socket, 'story_uploaded')
  const data = { story: newStory, projectId, uploadedBy: 'anna', timestamp: new Date().toISOString() }
  assert.equal((await emitWebSocketEvent('story_uploaded', data, { projectId })).status, 200)
  assert.deepEqual((await heard)[0], data)
  const { status, body } = await emitWebSocketEvent('story_uploaded', { ...data, story: {} }, { projectId })
  assert.deepEqual([status, body.code], [400, 'INVALID_PAYLOAD'])
  assert.match(body.detail, /story\.id: is missing/)
})

describe('Monitoring and Statistics', () => {
  test('GET /api/websocket/health tells status and basic statistics', async () => {
    const { status, body } = await call(server, 'GET', '/api/websocket/health')
    assert.equal(status, 200)
    assert.deepEqual(Object.keys(body).sort(), ['authenticatedUsers', 'connections', 'status'])
    assert.equal(body.status, 'active')
  })

  test('GET /api/websocket/stats tells of each project\'s connections, to those who are signed in', async (t) => {
    const [one, other] = [await family(), await family()]
    const sockets = ['fay', 'sam', 'sam'].map((user) => connect(t, user))
    for (const socket of sockets) {
      socket.emit('join_project', one.id)
      await next(socket, 'joined_project')
    }
    // A connection that watches a project and follows its stories is one connection.
    const owner = connect(t, 'anna')
    await next(owner, 'authenticated')
    await ask(owner, 'join_project', other.id)
    await ask(owner, 'join-project', other.id)
    assert.equal((await call(server, 'GET', '/api/websocket/stats')).status, 401)
    const { status, body } = await call(server, 'GET', '/api/websocket/stats', { as: 'anna' })
    assert.equal(status, 200)
    const { totalConnections, authenticatedUsers, averageConnectionsPerUser, projectCount, userCount, projectConnections, rateLimitStats } = body
    for (const number of [totalConnections, authenticatedUsers, averageConnectionsPerUser, projectCount, userCount]) {
      assert.ok(Number.isFinite(number) && number > 0)
    }
    const of = (project) => projectConnections.find(({ projectId }) => projectId === project.id)
    assert.deepEqual(of(one), { projectId: one.id, connectionCount: 3 })
    assert.deepEqual(of(other), { projectId: other.id, connectionCount: 1 })
    assert.equal(projectCount, projectConnections.length)
    const { activeUsers, ...window } = rateLimitStats
    assert.ok(activeUsers >= 1)
    assert.deepEqual(window, { rateLimitWindow: 60_000, maxEventsPerWindow: 100 })
  })
})

test('Memory Management: a socket that is gone is in no room any longer', async (t) => {
  const project = await family()
  const socket = connect(t, 'sam')
  socket.emit('join_project', project.id)
  await next(socket, 'joined_project')
  socket.disconnect()
  await until('nobody is in the room', async () => {
    const { body } = await call(server, 'GET', '/api/websocket/stats', { as: 'anna' })
    return !body.projectConnections.some(({ projectId }) => projectId === project.id)
  })
})

test('Memory Management: a room that is empty and whose log has expired is forgotten, and so is who sent nothing of late', async (t) => {
  const own = await startServer({ env: { PUBLISH_KEY: KEY, LOG_AGE: '1s', RATE_LIMIT_MAX: '2', RATE_LIMIT_WINDOW: '10s' } })
  t.after(() => own.stop())
  const project = await createProject(own, 'anna')
  const socket = connect(t, 'anna', {}, own)
  socket.emit('join_project', project.id)
  await next(socket, 'joined_project')
  const room = () => fetch(`${own.url}/api/rooms/${encodeURIComponent(`stories:${project.id}`)}`, { headers: { 'x-api-key': KEY } })
  assert.equal((await room()).status, 200)
  const stats = async () => (await call(own, 'GET', '/api/websocket/stats', { as: 'ben' })).body
  await until('the user is counted', async () => {
    await ask(socket, 'leave_project', 'no-such-project')
    return (await stats()).rateLimitStats.activeUsers === 1
  })
  socket.disconnect()
  await until('the user is forgotten', async () => (await stats()).rateLimitStats.activeUsers === 0)
  await until('the room is forgotten', async () => (await room()).status === 404)
})

test('Security: which events arrive follows who is a member and what was asked for', async (t) => {
  const project = await family()
  const [all, some, none] = ['fay', 'sam', 'stranger'].map((user) => connect(t, user))
  await ask(all, 'join_project', project.id)
  assert.equal((await ask(some, 'room:join', { room: `stories:${project.id}`, events: ['story_processed'] })).ok, true)
  assert.equal((await ask(none, 'join_project', project.id)).ok, false)
  const heard = [all, some, none].map((socket) => record(socket))
  const done = next(some, 'story_processed')
  await upload(server, 'anna', project, { title: 'Filtered' })
  await done
  await Promise.all([all, some, none].map((socket) => settled(socket)))
  const names = heard.map((seen) => [...new Set(seen.map(([name]) => name))].filter((name) => name.startsWith('story_')))
  assert.deepEqual(names, [['story_uploaded', 'story_processing', 'story_processed'], ['story_processed'], []])
})

test('Health Checks: a client asks now and then whether the server is there', async (t) => {
  const client = connect(t, 'sam')
  await next(client, 'authenticated')
  for (let n = 0; n < 3; n++) assert.equal((await ask(client, 'ping')).ok, true)
  const stopped = once(client, 'disconnect')
  client.disconnect()
  await stopped
  await assert.rejects(client.timeout(50).emitWithAck('ping'))
})
