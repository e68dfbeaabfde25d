// What people do with stories: transcripts, interactions, recordings (wire.md, section 9; http.md).
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { addMember, call, createProject, setActive, token, upload, wav } from './api.mjs'
import { ask, next, settled, signedIn } from './client.mjs'
import { startServer } from './server.mjs'
import { followed, processed, refused, TIME } from './stories.mjs'

let server
before(async () => {
  server = await startServer({ env: { RATE_LIMIT_MAX: '100000' } })
})
after(() => server.stop())

const transcribe = (as, story, body) => call(server, 'PUT', `/api/stories/${story.id}/transcript`, { as, body })
const interact = (as, story, body) => call(server, 'POST', `/api/stories/${story.id}/interactions`, { as, body })
const change = (as, interaction, body) => call(server, 'PATCH', `/api/interactions/${interaction.id}`, { as, body })

describe('a transcript', () => {
  test('is changed by any member, told to the room, and counted', async (t) => {
    const { project, socket } = await followed(t, server)
    const story = await processed(server, socket, project, { title: 'Harbour', text: 'One two.' })
    const told = next(socket, 'transcript_updated')
    const { status, body } = await transcribe('ben', story, { transcript: 'One, two, three.', version: 1 })
    assert.deepEqual([status, body.version, body.transcript, body.wordCount], [200, 2, 'One, two, three.', 3])
    const [{ timestamp, ...payload }, meta] = await told
    assert.match(timestamp, TIME)
    assert.deepEqual(payload, {
      projectId: project.id, storyId: story.id, transcript: 'One, two, three.', updatedBy: 'ben', version: 2,
    })
    assert.equal(meta.room, `stories:${project.id}`)
    assert.deepEqual((await call(server, 'GET', `/api/stories/${story.id}`, { as: 'anna' })).body, body)
  })

  test('of a version that isn\'t current is refused with what there is; without a version the last one wins', async (t) => {
    const { project, socket } = await followed(t, server)
    const story = await processed(server, socket, project, { title: 'Harbour', media: wav(1) })
    assert.equal(story.version, 0)
    assert.equal((await transcribe('anna', story, { transcript: 'first', version: 0 })).body.version, 1)
    const late = await transcribe('ben', story, { transcript: 'second', version: 0 })
    assert.deepEqual(refused(late), [409, 'CONFLICT'])
    assert.deepEqual([late.body.current.transcript, late.body.current.version], ['first', 1])
    assert.deepEqual(refused(await transcribe('ben', story, { transcript: 'second', version: 7 })), [409, 'CONFLICT'])
    assert.equal((await transcribe('ben', story, { transcript: 'third' })).body.version, 2)
  })

  test('that twenty change at once is changed by one of each version, and told in order', async (t) => {
    const { project, socket, seen } = await followed(t, server)
    const story = await processed(server, socket, project, { title: 'Harbour', text: 'at first' })
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, n) => transcribe(n % 2 ? 'anna' : 'ben', story, { transcript: `by ${n}`, version: 1 })),
    )
    assert.deepEqual(answers.map(({ status }) => status).sort(), [200, ...Array(19).fill(409)])
    const won = answers.find(({ status }) => status === 200).body
    for (const { body } of answers.filter(({ status }) => status === 409)) assert.deepEqual(body.current, won)
    await Promise.all(Array.from({ length: 20 }, (_, n) => transcribe('anna', story, { transcript: `again ${n}` })))
    await settled(socket)
    const told = seen.filter(([name]) => name === 'transcript_updated').map(([, payload]) => payload)
    assert.deepEqual(told.map(({ version }) => version), Array.from({ length: 21 }, (_, n) => n + 2))
    const { body } = await call(server, 'GET', `/api/stories/${story.id}`, { as: 'ben' })
    assert.deepEqual([body.version, body.transcript], [22, told.at(-1).transcript])
  })

  test('is refused where it doesn\'t fit', async (t) => {
    const { project, socket } = await followed(t, server)
    const story = await processed(server, socket, project, { title: 'Harbour' })
    for (const [body, said] of [
      [{}, /^transcript: is missing/],
      [{ transcript: 7 }, /^transcript: expected/],
      [{ transcript: '', version: -1 }, /^version: expected/],
      [{ transcript: 'x'.repeat(600_000) }, /^transcript: expected at most \d+ bytes/],
    ]) {
      const answer = await transcribe('anna', story, body)
      assert.deepEqual(refused(answer), [400, 'INVALID_PAYLOAD'])
      assert.match(answer.body.detail, said)
    }
  })
})

describe('an interaction', () => {
  test('is a comment, a question or an answer, told to the room as it is stored', async (t) => {
    const { project, socket } = await followed(t, server)
    const story = await processed(server, socket, project, { title: 'Harbour' })
    const all = []
    for (const [n, type] of ['comment', 'question', 'answer'].entries()) {
      const told = next(socket, 'interaction_added')
      const { status, body } = await interact(n ? 'ben' : 'anna', story, { type, content: `A ${type}.` })
      assert.equal(status, 201)
      const { id, createdAt, updatedAt, ...rest } = body
      assert.match(createdAt, TIME)
      assert.equal(updatedAt, createdAt)
      assert.ok(id)
      assert.deepEqual(rest, { storyId: story.id, type, content: `A ${type}.`, authorId: n ? 'ben' : 'anna', resolved: false })
      const [{ timestamp, ...payload }] = await told
      assert.match(timestamp, TIME)
      assert.deepEqual(payload, { projectId: project.id, interaction: body })
      all.push(body)
    }
    const { body } = await call(server, 'GET', `/api/stories/${story.id}/interactions`, { as: 'ben' })
    assert.deepEqual(body, { interactions: all })
  })

  test('is resolved by any member; what it says is changed by its author alone', async (t) => {
    const { project, socket } = await followed(t, server)
    const story = await processed(server, socket, project, { title: 'Harbour' })
    const { body: question } = await interact('anna', story, { type: 'question', content: 'Which winter?' })
    const told = next(socket, 'interaction_updated')
    const resolved = await change('ben', question, { resolved: true })
    assert.deepEqual([resolved.status, resolved.body.resolved, resolved.body.content], [200, true, 'Which winter?'])
    const [{ timestamp, ...payload }] = await told
    assert.match(timestamp, TIME)
    assert.deepEqual(payload, { projectId: project.id, interaction: resolved.body })

    assert.deepEqual(refused(await change('ben', question, { content: 'Mine now' })), [403, 'ACCESS_DENIED'])
    assert.deepEqual(refused(await change('ben', question, { content: 'Mine now', resolved: false })), [403, 'ACCESS_DENIED'])
    const edited = await change('anna', question, { content: 'Which of the winters?', resolved: false })
    assert.deepEqual([edited.status, edited.body.resolved, edited.body.content], [200, false, 'Which of the winters?'])
    assert.equal(edited.body.createdAt, question.createdAt)
    assert.ok(edited.body.updatedAt >= question.updatedAt)
    const { body } = await call(server, 'GET', `/api/stories/${story.id}/interactions`, { as: 'ben' })
    assert.deepEqual(body.interactions, [edited.body])
  })

  test('of two users at once arrives at all of them, in the order that it is listed', async (t) => {
    const { project, socket, seen } = await followed(t, server)
    const story = await processed(server, socket, project, { title: 'Harbour' })
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, n) => interact(n % 2 ? 'anna' : 'ben', story, { type: 'comment', content: `${n}` })),
    )
    for (const { status } of answers) assert.equal(status, 201)
    await settled(socket)
    const told = seen.filter(([name]) => name === 'interaction_added').map(([, { interaction }]) => interaction)
    const { body } = await call(server, 'GET', `/api/stories/${story.id}/interactions`, { as: 'ben' })
    assert.equal(told.length, 40)
    assert.deepEqual(told, body.interactions)
  })

  test('is refused where it doesn\'t fit', async (t) => {
    const { project, socket } = await followed(t, server)
    const story = await processed(server, socket, project, { title: 'Harbour' })
    for (const [body, said] of [
      [{ type: 'comment' }, /^content: is missing/],
      [{ content: 'x' }, /^type: is missing/],
      [{ type: 'shout', content: 'x' }, /^type: /],
      [{ type: 'comment', content: ' ' }, /^content: expected 1 to 10000 bytes/],
      [{ type: 'comment', content: 'x'.repeat(10_001) }, /^content: expected 1 to 10000 bytes/],
    ]) {
      const answer = await interact('anna', story, body)
      assert.deepEqual(refused(answer), [400, 'INVALID_PAYLOAD'], JSON.stringify(answer.body))
      assert.match(answer.body.detail, said)
    }
    const { body: comment } = await interact('anna', story, { type: 'comment', content: 'x' })
    for (const body of [{}, { resolved: 'yes' }, { content: '' }]) {
      assert.deepEqual(refused(await change('anna', comment, body)), [400, 'INVALID_PAYLOAD'])
    }
  })
})

describe('a recording', () => {
  test('is downloaded by members, whole or in part, as nothing a browser would run', async (t) => {
    const { project, socket } = await followed(t, server)
    const media = wav(1)
    const story = await processed(server, socket, project, { title: 'Harbour', media })
    const page = await processed(server, socket, project, { title: 'Page', media: '<!DOCTYPE html><script>alert(1)</script>' })
    const download = (of, headers) =>
      fetch(`${server.url}/api/stories/${of.id}/media`, { headers: { authorization: `Bearer ${token('ben')}`, ...headers } })
    const whole = await download(story)
    assert.equal(whole.status, 200)
    assert.equal(whole.headers.get('content-type'), 'audio/x-wav')
    assert.deepEqual(Buffer.from(await whole.arrayBuffer()), media)
    const part = await download(story, { range: 'bytes=44-143' })
    assert.equal(part.status, 206)
    assert.equal(part.headers.get('content-range'), `bytes 44-143/${media.length}`)
    assert.deepEqual(Buffer.from(await part.arrayBuffer()), media.subarray(44, 144))
    assert.equal((await download(story, { range: 'bytes=99999999-' })).status, 416)
    const html = await download(page)
    assert.equal(html.headers.get('x-content-type-options'), 'nosniff')
    assert.equal(html.headers.get('content-security-policy'), 'sandbox')
    assert.match(html.headers.get('content-disposition'), /^attachment/)
  })

  test('that there is none of is not found', async (t) => {
    const { project, socket } = await followed(t, server)
    const story = await processed(server, socket, project, { title: 'Harbour' })
    assert.deepEqual(refused(await call(server, 'GET', `/api/stories/${story.id}/media`, { as: 'anna' })), [404, 'NOT_FOUND'])
  })
})

test('a stranger, somebody without a token, and a member of a project that isn\'t active change nothing', async () => {
  const project = await createProject(server, 'anna')
  await addMember(server, 'anna', project, 'ben')
  const { body: story } = await upload(server, 'anna', project, { title: 'Ours', text: 'ours', media: 'x' })
  const { body: comment } = await interact('anna', story, { type: 'comment', content: 'ours' })
  const changes = [
    (as, of = story) => transcribe(as, of, { transcript: 'theirs' }),
    (as, of = story) => interact(as, of, { type: 'comment', content: 'theirs' }),
    (as, of = comment) => change(as, of, { resolved: true }),
  ]
  const reads = [
    (as, of = story) => call(server, 'GET', `/api/stories/${of.id}/interactions`, { as }),
    (as, of = story) => call(server, 'GET', `/api/stories/${of.id}/media`, { as }),
  ]
  for (const act of [...changes, ...reads]) {
    assert.deepEqual(refused(await act('stranger')), [403, 'PROJECT_ACCESS_DENIED'])
    assert.deepEqual(refused(await act(undefined)), [401, 'UNAUTHENTICATED'])
    assert.deepEqual(refused(await act('anna', { id: 'no-such-thing' })), [404, 'NOT_FOUND'])
  }
  await setActive(server, 'anna', project, false)
  for (const act of changes) assert.deepEqual(refused(await act('ben')), [409, 'PROJECT_INACTIVE'])
  const { body } = await call(server, 'GET', `/api/stories/${story.id}`, { as: 'ben' })
  assert.deepEqual([body.transcript, body.version], ['ours', 1])
  const { body: said } = await call(server, 'GET', `/api/stories/${story.id}/interactions`, { as: 'ben' })
  assert.deepEqual(said.interactions, [comment])
})

test('a restart keeps transcripts, interactions and recordings', async (t) => {
  let own = await startServer({})
  t.after(() => own.stop())
  const project = await createProject(own, 'anna')
  const socket = await signedIn(t, own, 'anna')
  await ask(socket, 'join_project', project.id)
  const story = await processed(own, socket, project, { title: 'Kept', media: wav(1) })
  const { body: changed } = await call(own, 'PUT', `/api/stories/${story.id}/transcript`, { as: 'anna', body: { transcript: 'kept' } })
  const { body: comment } = await call(own, 'POST', `/api/stories/${story.id}/interactions`, { as: 'anna', body: { type: 'comment', content: 'kept' } })
  await own.end('SIGKILL')
  own = await startServer({ database: own.database })
  assert.deepEqual((await call(own, 'GET', `/api/stories/${story.id}`, { as: 'anna' })).body, changed)
  assert.deepEqual((await call(own, 'GET', `/api/stories/${story.id}/interactions`, { as: 'anna' })).body.interactions, [comment])
  const media = await fetch(`${own.url}/api/stories/${story.id}/media`, { headers: { authorization: `Bearer ${token('anna')}` } })
  assert.deepEqual(Buffer.from(await media.arrayBuffer()), wav(1))
})
