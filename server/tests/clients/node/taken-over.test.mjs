// What one of several servers is at is another's once that one is gone, and a server that was only paused for
// too long does no damage when it goes on (operations.md, "Backplane").
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, constants, existsSync, openSync, readdirSync, readlinkSync, renameSync, utimesSync, writeFileSync, writeSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { beginSession, call, createProject, token, upload, wav } from './api.mjs'
import { ask, record, settled, signedIn } from './client.mjs'
import { startCluster } from './cluster.mjs'
import { delta, end, startProvider, streamed, write } from './provider.mjs'
import { lastFirst, startRedis } from './redis.mjs'
import { files, sha256, until } from './stories.mjs'
import { unzip } from './zip.mjs'

/** A lease outlives its server by 10 s. */
const LONG_MS = 60_000

const eventually = (what, isSo) => until(what, isSo, LONG_MS)

/** Two servers on one Redis, one database and one MEDIA_DIR. The first has what is done now and then. */
async function startServers(t, env = {}) {
  const ends = lastFirst(t)
  const redis = await startRedis(ends)
  const cluster = await startCluster(ends, 2, () => ({ REDIS_URL: redis.url, RATE_LIMIT_MAX: '100000', ...env }))
  // A server that goes in the middle of telling something takes the room's log along (stored-order.test.mjs).
  const unlocked = () => eventually('nobody is telling anything', async () => (await redisSays(redis, 'KEYS samewire:*lock')) === '*0\r\n')
  return { cluster, unlocked, folder: cluster.server(0).database }
}

/** What Redis answers to a command. */
async function redisSays({ port }, command) {
  const socket = connect(port, '127.0.0.1')
  socket.write(`${command}\r\n`)
  const [answer] = await once(socket, 'data')
  socket.destroy()
  return answer.toString()
}

/** A user's connections to both servers, and what they hear from now on: `[{ socket, seen }]`. */
async function atBoth(t, cluster, user) {
  const sockets = await Promise.all([0, 1].map((n) => signedIn(t, cluster.server(n), user)))
  return sockets.map((socket) => ({ socket, seen: record(socket) }))
}

/** A project whose stories anna follows at both servers. */
async function followed(t, cluster) {
  const project = await createProject(cluster.server(0), 'anna')
  const at = await atBoth(t, cluster, 'anna')
  for (const { socket } of at) assert.equal((await ask(socket, 'join_project', project.id)).ok, true)
  return { project, at }
}

const get = async (server, path) => {
  const { status, body } = await call(server, 'GET', path, { as: 'anna' })
  assert.equal(status, 200, JSON.stringify(body))
  return body
}

/**
 * A pipe in the place of the file that `begin` gives: whoever reads that gets what the test writes, when it
 * does. A reader is waited for, unless `giveUp` says that there will be none.
 */
async function pipeInPlaceOf(folder, begin, giveUp = () => false) {
  const aside = join(folder, 'pipe')
  execFileSync('mkfifo', [aside])
  const place = await begin()
  renameSync(aside, place)
  const caught = await eventually('somebody reads', async () => {
    try {
      return { fd: openSync(place, constants.O_WRONLY | constants.O_NONBLOCK) }
    } catch (error) {
      assert.equal(error.code, 'ENXIO')
      return (await giveUp()) && { fd: undefined }
    }
  })
  if (caught.fd === undefined) return undefined
  const isReadBy = ({ pid }) =>
    readdirSync(`/proc/${pid}/fd`).some((fd) => {
      try {
        return readlinkSync(`/proc/${pid}/fd/${fd}`).startsWith(place)
      } catch {
        return false
      }
    })
  return {
    isReadBy,
    /** Which of two servers reads it. */
    async owner({ server }) {
      const found = await eventually('it is known who reads', () => [0, 1].filter((n) => isReadBy(server(n))).map((n) => ({ n }))[0])
      return found.n
    },
    /** Puts a file where the pipe was; who reads the pipe reads on. */
    replace(bytes) {
      writeFileSync(aside, bytes)
      renameSync(aside, place)
    },
    finish(bytes) {
      writeSync(caught.fd, bytes)
      closeSync(caught.fd)
    },
    abandon: () => closeSync(caught.fd),
  }
}

/** A story whose recording a server is about to read, and which of the servers that is. */
async function caughtStory(cluster, folder, project, media) {
  for (let n = 0; ; n++) {
    let story
    const giveUp = async () => (await get(cluster.server(0), `/api/stories/${story.id}`)).status !== 'processing'
    const begun = async () => {
      story = (await upload(cluster.server(0), 'anna', project, { title: `${n}`, media })).body
      return join(folder, 'media', 'stories', story.id)
    }
    // Its job may have been faster.
    const pipe = await pipeInPlaceOf(folder, begun, giveUp)
    if (pipe) return { story, pipe, owner: await pipe.owner(cluster) }
  }
}

/** What is told of something by a socket's events. */
const told = (seen, of) => seen.filter(([, payload]) => of(payload)).map(([name]) => name)

const isOnce = (names, name) => assert.equal(names.filter((known) => known === name).length, 1, `${names}`)

/** A story goes through all that a story goes through: whatever was on its way before has come. */
async function anotherStory(server, project, seen) {
  const { body } = await upload(server, 'anna', project, { title: 'another', text: 'text' })
  await eventually('another story is processed', () => seen.some(([name, payload]) => name === 'story_processed' && payload.story.id === body.id))
}

describe('a server that is killed', { concurrency: 4 }, () => {
  test('while it reads a recording leaves the story to another', async (t) => {
    const { cluster, folder, unlocked } = await startServers(t)
    const { project, at } = await followed(t, cluster)
    const media = wav(1)
    const { story, pipe, owner } = await caughtStory(cluster, folder, project, media)
    pipe.replace(media)
    await unlocked()
    await cluster.kill(owner)
    pipe.abandon()
    const { seen } = at[1 - owner]
    const other = cluster.server(1 - owner)
    const of = (payload) => (payload.story?.id ?? payload.storyId) === story.id
    await eventually('it is processed', () => told(seen, of).includes('story_processed'))
    const { status, checksum, duration } = await get(other, `/api/stories/${story.id}`)
    assert.deepEqual([status, checksum, duration], ['processed', sha256(media), 1])
    await anotherStory(other, project, seen)
    const names = told(seen, of)
    isOnce(names, 'story_processed')
    assert.equal(names.at(-1), 'story_processed')
  })

  test('while it writes an export leaves that to another', async (t) => {
    const { cluster, folder, unlocked } = await startServers(t)
    const { project, at } = await followed(t, cluster)
    const { exportId, pipe, owner, media, recording } = await caughtExport(cluster, folder, project, at)
    pipe.replace(media)
    await unlocked()
    await cluster.kill(owner)
    pipe.abandon()
    const { seen } = at[1 - owner]
    const other = cluster.server(1 - owner)
    await eventually('it is ready', async () => (await get(other, `/api/exports/${exportId}`)).status === 'ready')
    const inside = unzip(await downloaded(other, exportId))
    assert.deepEqual(inside.get(recording), media)
    await anotherStory(other, project, seen)
    const names = told(seen, (payload) => payload.exportId === exportId)
    isOnce(names, 'export_started')
    isOnce(names, 'export_ready')
    assert.equal(names.at(-1), 'export_ready')
  })

  test('in the middle of an answer: who hears another is told so soon, and is answered there', async (t) => {
    const { provider, cluster, unlocked, at, conversationId, question, messageId } = await inTheMiddle(t)
    const waiting = (await ask(at[0].socket, 'message:send', { conversationId, content: 'And in the sun?' })).data
    let answer
    provider.script = (response) => (answer = streamed(response))
    await unlocked()
    await cluster.kill(0)
    const { socket, seen } = at[1]
    await eventually('it is told', () => seen.some(([name, payload]) => name === 'message:error' && payload.messageId === messageId))
    const ofIt = seen.filter(([, payload]) => payload.messageId === messageId)
    assert.deepEqual(ofIt.slice(-2).map(([name]) => name), ['ai:typing:stop', 'message:error'])
    const [, error] = ofIt.at(-1)
    assert.deepEqual(error, { conversationId, messageId, code: 'AI_UNAVAILABLE', message: 'the server ended in the middle of the answer' })
    const broken = (await stored(cluster.server(1), conversationId)).find(({ id }) => id === messageId)
    assert.ok(broken.incomplete && 'Ferns, hostas'.startsWith(broken.content), JSON.stringify(broken))

    // Who waited is answered by the other, and told to who joins there.
    await eventually('it is asked', () => answer)
    await write(answer, delta('Roses'))
    await eventually('it is told', () => seen.some(([name, payload]) => name === 'message:chunk' && payload.content === 'Roses'))
    const late = await signedIn(t, cluster.server(1), 'anna')
    const heard = record(late)
    await ask(late, 'join:conversation', conversationId)
    assert.deepEqual(heard.filter(([, , meta]) => meta === undefined).map(([name, { messageId, content }]) => [name, messageId !== undefined, content]).filter(([name]) => /^(ai|message):/.test(name)), [
      ['ai:typing:start', true, undefined], ['message:chunk', true, 'Roses'],
    ])
    answer.end(delta('.') + end())
    const complete = await eventually('it is answered', () => seen.find(([name]) => name === 'message:complete'))
    assert.deepEqual([complete[1].userMessage, complete[1].assistantMessage.content], [waiting, 'Roses.'])
    const all = await stored(cluster.server(1), conversationId)
    assert.deepEqual(all.map(({ content }) => content), [question.content, broken.content, waiting.content, 'Roses.'])
    isOnce(seen.map(([name]) => name), 'message:error')
    // It is of use again.
    provider.script = (response) => streamed(response).end(delta('Yes.') + end())
    await ask(socket, 'message:send', { conversationId, content: 'Thanks' })
    await eventually('it is answered', () => seen.some(([name, payload]) => name === 'message:complete' && payload.userMessage.content === 'Thanks'))
  })

  test('with what is done now and then leaves it to another', async (t) => {
    const { cluster, folder, unlocked } = await startServers(t, { SESSION_TIMEOUT: '2s', EXPORT_AGE: '2s' })
    const { project, at } = await followed(t, cluster)
    assert.equal((await ask(at[1].socket, 'join-project', project.id)).ok, true)
    const other = cluster.server(1)
    const left = join(folder, 'media', 'parts', 'left-behind')
    await unlocked()
    await cluster.kill(0)
    writeFileSync(left, 'x')
    utimesSync(left, 0, Date.now() / 1000 - 2 * 60 * 60)
    const sessionId = await beginSession(other, project)
    const { body: { exportId } } = await call(other, 'POST', `/api/projects/${project.id}/exports`, { as: 'anna', body: { format: 'json' } })
    const names = () => told(at[1].seen, (payload) => payload.sessionId === sessionId)
    await eventually('the session has ended', () => names().includes('session-ended'))
    await eventually('what was left behind is gone', () => !existsSync(left))
    await eventually('the export has expired', async () => (await get(other, `/api/exports/${exportId}`)).status === 'expired')
    assert.deepEqual(files(other, 'exports'), [])
    isOnce(names(), 'session-ended')
  })
})

describe('a server that was paused past its lease', { concurrency: 4 }, () => {
  test('overwrites nothing of a story that another has processed', async (t) => {
    const { cluster, folder, unlocked } = await startServers(t)
    const { project, at } = await followed(t, cluster)
    const media = wav(1)
    const { story, pipe, owner } = await caughtStory(cluster, folder, project, media)
    await unlocked()
    cluster.pause(owner)
    pipe.replace(media)
    const { seen } = at[1 - owner]
    const other = cluster.server(1 - owner)
    const of = (payload) => (payload.story?.id ?? payload.storyId) === story.id
    await eventually('it is processed', () => told(seen, of).includes('story_processed'))
    const before = await get(other, `/api/stories/${story.id}`)
    assert.equal(before.checksum, sha256(media))
    // What the paused one was reading is something else, so that one sees whose word counts.
    pipe.finish('something else')
    cluster.resume(owner)
    await eventually('it has read', () => !pipe.isReadBy(cluster.server(owner)))
    await anotherStory(cluster.server(owner), project, seen)
    assert.deepEqual(await get(other, `/api/stories/${story.id}`), before)
    const names = told(seen, of)
    isOnce(names, 'story_processed')
    assert.equal(names.at(-1), 'story_processed')
  })

  test('neither writes nor tells an export that another has written', async (t) => {
    const { cluster, folder, unlocked } = await startServers(t)
    const { project, at } = await followed(t, cluster)
    const { exportId, pipe, owner, media } = await caughtExport(cluster, folder, project, at)
    await unlocked()
    cluster.pause(owner)
    pipe.replace(media)
    const { seen } = at[1 - owner]
    const other = cluster.server(1 - owner)
    const names = () => told(seen, (payload) => payload.exportId === exportId)
    await eventually('it is ready', () => names().includes('export_ready'))
    const before = [await get(other, `/api/exports/${exportId}`), await downloaded(other, exportId)]
    pipe.finish(media)
    cluster.resume(owner)
    await eventually('it has written', () => !pipe.isReadBy(cluster.server(owner)) && files(other, 'parts').length === 0)
    await anotherStory(cluster.server(owner), project, seen)
    assert.deepEqual([await get(other, `/api/exports/${exportId}`), await downloaded(other, exportId)], before)
    isOnce(names(), 'export_ready')
    assert.equal(names().at(-1), 'export_ready')
  })

  test('says no more of an answer that was told as broken off', async (t) => {
    const { provider, cluster, unlocked, at, conversationId, messageId } = await inTheMiddle(t)
    const { socket, seen } = at[1]
    await unlocked()
    cluster.pause(0)
    const late = provider.requests[0]
    await write(late.response, delta(', and what nobody is told'))
    await eventually('it is told', () => seen.some(([name, payload]) => name === 'message:error' && payload.messageId === messageId))
    const before = (await stored(cluster.server(1), conversationId)).find(({ id }) => id === messageId)
    assert.equal(before.incomplete, true)
    let answer
    provider.script = (response) => (answer = streamed(response))
    await ask(socket, 'message:send', { conversationId, content: 'And in the sun?' })
    await eventually('it is asked', () => answer)
    await write(answer, delta('Roses'))
    await eventually('it is told', () => seen.some(([name, payload]) => name === 'message:chunk' && payload.content === 'Roses'))
    const events = seen.length
    late.response.end(delta('.') + end())
    cluster.resume(0)
    await late.ended
    // What it was about to say would have been said before it serves anybody.
    const again = await signedIn(t, cluster.server(0), 'anna')
    const heard = record(again)
    await ask(again, 'join:conversation', conversationId)
    await settled(again)
    const chunks = heard.filter(([name]) => name === 'message:chunk')
    assert.deepEqual(chunks.map(([, { content }]) => content), ['Roses'], 'what stands in the room is the other\'s')
    answer.end(delta('.') + end())
    await eventually('it is answered', () => seen.some(([name]) => name === 'message:complete'))
    assert.deepEqual(seen.slice(events).filter(([, payload]) => payload.messageId === messageId), [])
    const after = await stored(cluster.server(1), conversationId)
    assert.deepEqual(after.find(({ id }) => id === messageId), before)
    assert.deepEqual(after.map(({ content }) => content).slice(2), ['And in the sun?', 'Roses.'])
    for (const name of ['message:error', 'message:complete']) isOnce(seen.map(([name]) => name), name)
  })

  test('ends no session a second time', async (t) => {
    const { cluster, unlocked } = await startServers(t, { SESSION_TIMEOUT: '2s' })
    const { project, at } = await followed(t, cluster)
    const [{ seen }, other] = [at[1], cluster.server(1)]
    assert.equal((await ask(at[1].socket, 'join-project', project.id)).ok, true)
    const ended = (sessionId) => told(seen, (payload) => payload.sessionId === sessionId).includes('session-ended')
    await unlocked()
    cluster.pause(0)
    const sessions = [await beginSession(other, project)]
    await eventually('the other ends it', () => ended(sessions[0]))
    cluster.resume(0)
    sessions.push(await beginSession(cluster.server(0), project))
    await eventually('one of them ends the next', () => ended(sessions[1]))
    for (const sessionId of sessions) isOnce(told(seen, (payload) => payload.sessionId === sessionId), 'session-ended')
  })
})

describe('a conversation at two servers', { concurrency: 4 }, () => {
  test('is answered by one at a time, in turn', async (t) => {
    const provider = await startProvider(t)
    const { cluster } = await startServers(t, { OPENAI_API_KEY: 'key', OPENAI_BASE_URL: provider.url })
    const at = await atBoth(t, cluster, 'anna')
    const { data: { id: conversationId } } = await ask(at[0].socket, 'conversation:create', {})
    for (const { socket } of at) await ask(socket, 'join:conversation', conversationId)
    let open = 0
    provider.script = async (response, { body }) => {
      open += 1
      assert.equal(open, 1, 'one at a time')
      streamed(response)
      await write(response, delta('You said: '))
      open -= 1
      response.end(delta(body.messages.at(-1).content) + end())
    }
    const asked = await Promise.all(Array.from({ length: 6 }, (_, n) => ask(at[n % 2].socket, 'message:send', { conversationId, content: `${n}` })))
    assert.ok(asked.every(({ ok }) => ok))
    const completes = (seen) => seen.filter(([name]) => name === 'message:complete').map(([, payload]) => payload)
    for (const { seen } of at) await eventually('all are answered', () => completes(seen).length === 6)
    const all = await stored(cluster.server(0), conversationId)
    const questions = all.filter(({ role }) => role === 'user')
    assert.deepEqual(all.filter(({ role }) => role === 'assistant').map(({ content }) => content), questions.map(({ content }) => `You said: ${content}`))
    for (const { seen } of at) {
      assert.deepEqual(completes(seen).map(({ userMessage }) => userMessage), questions)
      const ids = seen.filter(([name]) => /^(message:(chunk|complete)|ai:)/.test(name)).map(([, payload]) => payload.messageId ?? payload.assistantMessage.id)
      assert.equal(ids.filter((id, n) => id !== ids[n - 1]).length, 6)
    }
    // Each with all that was said before.
    assert.deepEqual(provider.requests.map(({ body }) => body.messages.length), [1, 3, 5, 7, 9, 11])
  })

  test('is stopped at either', async (t) => {
    const { provider, cluster, at, conversationId, messageId } = await inTheMiddle(t)
    const waiting = (await ask(at[0].socket, 'message:send', { conversationId, content: 'And in the sun?' })).data
    const none = await ask(at[1].socket, 'message:cancel', { conversationId, messageId: waiting.id })
    assert.deepEqual([none.data.content, none.data.incomplete], ['', true])
    const { ok, data } = await ask(at[1].socket, 'message:cancel', { conversationId, messageId })
    assert.deepEqual([ok, data.id, data.content, data.incomplete], [true, messageId, 'Ferns, hostas', true])
    await provider.requests[0].ended
    for (const { seen, socket } of at) {
      await settled(socket)
      const completes = await eventually('it is told', () => {
        const completes = seen.filter(([name]) => name === 'message:complete')
        return completes.length >= 2 && completes
      })
      assert.deepEqual(completes.map(([, { assistantMessage }]) => assistantMessage), [none.data, data])
      assert.equal(told(seen, (payload) => payload.messageId === messageId).at(-1), 'ai:typing:stop')
    }
    assert.equal(provider.requests.length, 1)
    // A second time changes nothing, at either.
    for (const { socket } of at) assert.deepEqual(await ask(socket, 'message:cancel', { conversationId, messageId }), { ok, data })
    assert.deepEqual((await stored(cluster.server(0), conversationId)).map(({ content }) => content).slice(1), ['Ferns, hostas', waiting.content, ''])
  })
})

/** A conversation that is heard at both servers, in which the first is in the middle of an answer. */
async function inTheMiddle(t) {
  const provider = await startProvider(t)
  const { cluster, unlocked } = await startServers(t, { OPENAI_API_KEY: 'key', OPENAI_BASE_URL: provider.url })
  const at = await atBoth(t, cluster, 'anna')
  const { data: { id: conversationId } } = await ask(at[0].socket, 'conversation:create', {})
  for (const { socket } of at) await ask(socket, 'join:conversation', conversationId)
  provider.script = async (response, asked) => {
    asked.response = streamed(response)
    await write(response, delta('Ferns') + delta(', hostas'))
  }
  const { data: question } = await ask(at[0].socket, 'message:send', { conversationId, content: 'What grows in the shade?' })
  const chunks = await Promise.all(at.map(({ seen }) =>
    eventually('it is told', () => seen.find(([name, payload]) => name === 'message:chunk' && payload.content === 'Ferns, hostas'))))
  return { provider, cluster, unlocked, at, conversationId, question, messageId: chunks[0][1].messageId }
}

const stored = async (server, id) => (await get(server, `/api/conversations/${id}/messages`)).messages

/** An export that a server is in the middle of, and which of the servers that is. */
async function caughtExport(cluster, folder, project, at) {
  const media = wav(1)
  const { body: story } = await upload(cluster.server(0), 'anna', project, { title: 'told', media })
  await eventually('it is processed', async () => (await get(cluster.server(0), `/api/stories/${story.id}`)).status === 'processed')
  const pipe = pipeInPlaceOf(folder, async () => join(folder, 'media', 'stories', story.id))
  await eventually('the pipe is there', () => !existsSync(join(folder, 'pipe')))
  const { status, body: { exportId } } = await call(cluster.server(0), 'POST', `/api/projects/${project.id}/exports`, { as: 'anna', body: { format: 'zip' } })
  assert.equal(status, 202)
  const caught = await pipe
  const owner = await caught.owner(cluster)
  for (const { seen } of at) await eventually('it is told', () => told(seen, (payload) => payload.exportId === exportId).includes('export_started'))
  return { exportId, pipe: caught, owner, media, recording: `media/${story.id}.wav` }
}

async function downloaded(server, exportId) {
  const response = await fetch(`${server.url}/api/exports/${exportId}/download`, { headers: { authorization: `Bearer ${token('anna')}` } })
  assert.equal(response.status, 200)
  return Buffer.from(await response.arrayBuffer())
}
