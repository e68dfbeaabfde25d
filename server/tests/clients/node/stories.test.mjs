// Stories (wire.md, section 9; http.md): uploading, following, processing, from outside.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { existsSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { addMember, call, createProject, refusals, setActive, token, upload, wav } from './api.mjs'
import { ask, next, record, settled, signedIn } from './client.mjs'
import { startServer } from './server.mjs'
import { files, followed, processed, refused, sha256, TIME, until } from './stories.mjs'

const MEDIA_BYTES = 4_000_000

let server
before(async () => {
  server = await startServer({
    env: { RATE_LIMIT_MAX: '100000', MEDIA_BYTES: String(MEDIA_BYTES), PROJECT_MEDIA_BYTES: '10MB' },
  })
})
after(() => server.stop())

describe('following a project', () => {
  test('joined_project and left_project answer; the acknowledgement tells the room', async (t) => {
    const project = await createProject(server, 'anna')
    const socket = await signedIn(t, server, 'anna')
    const seen = record(socket)
    for (const asked of [project.id, { projectId: project.id }]) {
      const joined = next(socket, 'joined_project')
      const answer = await ask(socket, 'join_project', asked)
      assert.equal(answer.ok, true)
      assert.equal(answer.data.room, `stories:${project.id}`)
      assert.deepEqual(await joined, [{ projectId: project.id }])
      const left = next(socket, 'left_project')
      assert.deepEqual(await ask(socket, 'leave_project', asked), { ok: true, data: { room: `stories:${project.id}` } })
      assert.deepEqual(await left, [{ projectId: project.id }])
    }
    await upload(server, 'anna', project, { title: 'Unheard' })
    await settled(socket)
    assert.deepEqual(seen.filter(([name]) => name.startsWith('story_')), [])
    assert.equal((await ask(socket, 'leave_project', project.id)).error.code, 'NOT_FOUND')
  })

  test('is for its owner, facilitators and storytellers; others can\'t tell whether it is there', async (t) => {
    const project = await createProject(server, 'anna')
    await addMember(server, 'anna', project, 'ben', 'storyteller')
    await addMember(server, 'anna', project, 'fay', 'facilitator')
    for (const user of ['anna', 'ben', 'fay']) {
      assert.equal((await ask(await signedIn(t, server, user), 'join_project', project.id)).ok, true, user)
    }
    const stranger = await signedIn(t, server, 'stranger')
    const answers = []
    for (const id of [project.id, 'no-such-project', '', 'x'.repeat(300)]) answers.push(await ask(stranger, 'join_project', id))
    for (const answer of answers) assert.deepEqual(answer, answers[0])
    assert.equal(answers[0].error.code, 'PROJECT_ACCESS_DENIED')
    assert.equal((await ask(stranger, 'room:join', { room: `stories:${project.id}` })).error.code, 'PROJECT_ACCESS_DENIED')
    const error = next(stranger, 'error')
    stranger.emit('join_project', project.id)
    assert.equal((await error)[0].code, 'PROJECT_ACCESS_DENIED')
  })

  test('a payload that names no project is refused with the field', async (t) => {
    const socket = await signedIn(t, server, 'anna')
    for (const spoilt of [{}, { projectId: 7 }, [], 7]) {
      const { error } = await ask(socket, 'join_project', spoilt)
      assert.equal(error.code, 'INVALID_PAYLOAD', JSON.stringify(spoilt))
    }
    assert.match((await ask(socket, 'join_project', { projectId: 7 })).error.message, /^projectId: expected/)
  })

  test('ends for a member that is removed', async (t) => {
    const { project, socket, seen } = await followed(t, server)
    const stays = await signedIn(t, server, 'anna')
    await ask(stays, 'join_project', project.id)
    const told = next(socket, 'error')
    const { status } = await call(server, 'DELETE', `/api/projects/${project.id}/members/ben`, { as: 'anna' })
    assert.equal(status, 204)
    const [error] = await told
    assert.deepEqual([error.code, error.room], ['PROJECT_ACCESS_DENIED', `stories:${project.id}`])
    const heard = next(stays, 'story_processed')
    await upload(server, 'anna', project, { title: 'Among ourselves' })
    await heard
    await settled(socket)
    assert.deepEqual(seen.filter(([name]) => name.startsWith('story_')), [])
    assert.deepEqual(refused(await upload(server, 'ben', project, { title: 'Mine' })), [403, 'PROJECT_ACCESS_DENIED'])
  })
})

describe('an upload', () => {
  test('is told to the room, read, and told again with what was found out', async (t) => {
    const { project, socket, seen } = await followed(t, server)
    const media = wav(2.5, 16_000)
    const done = next(socket, 'story_processed')
    const { status, body: story } = await upload(server, 'anna', project, {
      title: '  The harbour in winter ', text: 'The ice came early that year.', media, fileName: '../../harbour.wav',
    })
    assert.equal(status, 201)
    const { id, createdAt, ...rest } = story
    assert.match(createdAt, TIME)
    assert.deepEqual(rest, {
      projectId: project.id,
      title: 'The harbour in winter',
      uploadedBy: 'anna',
      transcript: 'The ice came early that year.',
      version: 1,
      status: 'processing',
      size: media.length,
    })
    await done
    await settled(socket)
    const told = seen.filter(([name]) => name.startsWith('story_'))
    const [, uploaded] = told[0]
    assert.deepEqual(told[0][1], { projectId: project.id, timestamp: createdAt, story, uploadedBy: 'anna' })
    assert.equal(told[0][0], 'story_uploaded')
    const stages = told.slice(1, -1)
    for (const [name, payload] of stages) {
      assert.equal(name, 'story_processing')
      assert.deepEqual(Object.keys(payload).sort(), ['progress', 'projectId', 'stage', 'storyId', 'timestamp'])
      assert.deepEqual([payload.projectId, payload.storyId], [project.id, id])
      assert.match(payload.timestamp, TIME)
      assert.ok(payload.progress >= 0 && payload.progress <= 1)
    }
    assert.deepEqual([...new Set(stages.map(([, { stage }]) => stage))], ['checksum', 'audio', 'text'])
    const [name, { story: read, ...about }] = told.at(-1)
    assert.equal(name, 'story_processed')
    assert.deepEqual(Object.keys(about).sort(), ['projectId', 'timestamp'])
    assert.deepEqual(read, {
      ...story,
      status: 'processed',
      mediaType: 'audio/x-wav',
      duration: 2.5,
      sampleRate: 16_000,
      checksum: sha256(media),
      wordCount: 6,
    })
    assert.ok(uploaded)
    assert.deepEqual((await call(server, 'GET', `/api/stories/${id}`, { as: 'ben' })).body, read)
    // It lies under our name, not under the client's.
    assert.ok(files(server, 'stories').includes(id))
    assert.deepEqual(files(server, 'parts'), [])
    // And each room event has its place in the log.
    for (const [, , meta] of told) assert.equal(meta.room, `stories:${project.id}`)
  })

  test('takes its fields in any order, and no text or media', async (t) => {
    const { project, socket } = await followed(t, server)
    const form = new FormData()
    form.append('media', new Blob([wav(1)]), 'a.wav')
    form.append('unknown', 'x'.repeat(1000))
    form.append('title', 'Turned round')
    const done = next(socket, 'story_processed')
    const headers = { authorization: `Bearer ${token('ben')}` }
    const response = await fetch(`${server.url}/api/projects/${project.id}/stories`, { method: 'POST', headers, body: form })
    assert.equal(response.status, 201)
    const [{ story }] = await done
    assert.deepEqual([story.title, story.uploadedBy, story.duration, story.version], ['Turned round', 'ben', 1, 0])
    assert.ok(!('transcript' in story) && !('wordCount' in story))

    const bare = await processed(server, socket, project, { title: 'A title alone' })
    assert.deepEqual([bare.status, bare.size, bare.checksum], ['processed', undefined, undefined])
    const empty = await processed(server, socket, project, { title: 'Nothing chosen', text: '', media: '' })
    assert.deepEqual([empty.status, empty.size, empty.transcript], ['processed', undefined, undefined])
  })

  test('knows its type by content, not by name', async (t) => {
    const { project, socket } = await followed(t, server)
    const png = Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex')
    const cases = [
      ['image/png', png, 'song.mp3'],
      ['text/plain', 'Plain words, ä and 😀.', 'page.html'],
      ['application/octet-stream', Buffer.from([0xfe, 0, 1, 2, 3]), 'x.wav'],
    ]
    for (const [type, media, fileName] of cases) {
      const story = await processed(server, socket, project, { title: type, media, fileName })
      assert.deepEqual([story.mediaType, story.status, story.checksum], [type, 'processed', sha256(media)])
    }
  })

  test('that is broken is told as failed, and why', async (t) => {
    const { project, socket } = await followed(t, server)
    const broken = {
      wav: Buffer.concat([wav(1).subarray(0, 20), randomBytes(200)]),
      flac: Buffer.concat([Buffer.from('fLaC'), randomBytes(2000)]),
      ogg: Buffer.concat([Buffer.from('OggS'), randomBytes(2000)]),
      mp3: Buffer.concat([Buffer.from('ID3'), randomBytes(2000)]),
    }
    for (const [title, media] of Object.entries(broken)) {
      const story = await processed(server, socket, project, { title, media })
      assert.equal(story.status, 'failed', JSON.stringify(story))
      assert.match(story.failure, /^the recording can't be read/)
      // What can be told of it is told.
      assert.equal(story.checksum, sha256(media))
    }
    const { body } = await call(server, 'GET', `/api/projects/${project.id}/stories`, { as: 'ben' })
    assert.deepEqual(body.stories.map(({ status }) => status), ['failed', 'failed', 'failed', 'failed'])
  })

  test('cut off in the middle is as long as what there is, to a packet', async (t) => {
    const { project, socket } = await followed(t, server)
    const story = await processed(server, socket, project, { title: 'Cut', media: wav(4).subarray(0, 44 + 8000) })
    assert.equal(story.status, 'processed')
    assert.ok(story.duration >= 0.5 && story.duration < 0.7, `${story.duration} s`)
  })

  test('is refused with the field that doesn\'t fit', async () => {
    const project = await createProject(server, 'anna')
    const long = await upload(server, 'anna', project, { title: 'x'.repeat(201) })
    assert.deepEqual(refused(long), [400, 'INVALID_PAYLOAD'])
    for (const [what, said] of [
      [{}, /^title: is missing/],
      [{ title: '  ' }, /^title: expected 1 to 200 bytes/],
      [{ title: 'x', text: 'x'.repeat(600_000) }, /^text: expected at most \d+ bytes/],
    ]) {
      const { status, body } = await upload(server, 'anna', project, what)
      assert.deepEqual([status, body.code], [400, 'INVALID_PAYLOAD'])
      assert.match(body.detail, said)
    }
    const twice = new FormData()
    for (const media of ['a', 'b']) twice.append('media', new Blob([media]), 'x')
    const headers = { authorization: `Bearer ${token('anna')}` }
    const post = async (body, more) => {
      const response = await fetch(`${server.url}/api/projects/${project.id}/stories`, { method: 'POST', headers: { ...headers, ...more }, body })
      return { status: response.status, body: await response.json() }
    }
    assert.match((await post(twice)).body.detail, /^media: is given twice/)
    assert.match((await post('{}', { 'content-type': 'application/json' })).body.detail, /^payload: expected multipart/)
    assert.match((await post('what', { 'content-type': 'multipart/form-data; boundary=x' })).body.detail, /^payload: expected multipart/)
    assert.deepEqual((await call(server, 'GET', `/api/projects/${project.id}/stories`, { as: 'anna' })).body.stories, [])
    assert.deepEqual(files(server, 'parts'), [])
  })

  test('of MEDIA_BYTES is taken, of a byte more is refused, and leaves nothing', async () => {
    const project = await createProject(server, 'anna')
    const before = files(server, 'stories').length
    assert.equal((await upload(server, 'anna', project, { title: 'Full', media: Buffer.alloc(MEDIA_BYTES, 1) })).status, 201)
    for (const size of [MEDIA_BYTES + 1, 2 * MEDIA_BYTES]) {
      const larger = await upload(server, 'anna', project, { title: 'Over', media: Buffer.alloc(size, 1) })
      assert.deepEqual(refused(larger), [413, 'PAYLOAD_TOO_LARGE'])
      assert.match(larger.body.detail, /^media: expected at most 4000000 bytes|^the form is larger than it may be/)
    }
    assert.deepEqual(files(server, 'parts'), [])
    assert.equal(files(server, 'stories').length, before + 1)
    assert.ok((await refusals(server)).PAYLOAD_TOO_LARGE >= 2)
  })

  test('past PROJECT_MEDIA_BYTES is refused, also of several at once', async () => {
    const project = await createProject(server, 'anna')
    const results = await Promise.all(
      [1, 2, 3, 4].map((n) => upload(server, 'anna', project, { title: `${n}`, media: Buffer.alloc(3_000_000, n) })),
    )
    const codes = results.map(({ status }) => status).sort()
    assert.deepEqual(codes, [201, 201, 201, 413])
    const { body } = await call(server, 'GET', `/api/projects/${project.id}/stories`, { as: 'anna' })
    for (const { id } of body.stories) assert.ok(files(server, 'stories').includes(id))
    assert.deepEqual(files(server, 'parts'), [])
  })

  test('whose connection is cut leaves nothing', async () => {
    const project = await createProject(server, 'anna')
    const cut = begun(project, 10_000_000)
    cut.write(Buffer.alloc(1_000_000))
    await until('a part is being written', () => files(server, 'parts').length === 1)
    cut.destroy()
    await until('the part is gone', () => files(server, 'parts').length === 0)
    assert.deepEqual((await call(server, 'GET', `/api/projects/${project.id}/stories`, { as: 'anna' })).body.stories, [])
  })

  test('may take longer than REQUEST_TIMEOUT as long as something comes; one that stalls is ended', async (t) => {
    const own = await startServer({ env: { REQUEST_TIMEOUT: '5s' } })
    t.after(() => own.stop())
    const project = await createProject(own, 'anna')
    const stalled = begun(project, undefined, 'anna', own)
    const ended = answer(stalled).catch(() => ({ status: 0 }))
    stalled.write(Buffer.alloc(1000, 7))
    const slow = begun(project, undefined, 'anna', own)
    const answered = answer(slow)
    // The body's parts are waited for, each; all of them take longer than REQUEST_TIMEOUT.
    const began = Date.now()
    while (Date.now() - began < 6000) {
      slow.write(Buffer.alloc(1000, 7))
      await sleep(200)
    }
    slow.end('\r\n--x\r\ncontent-disposition: form-data; name="title"\r\n\r\nSlowly\r\n--x--\r\n')
    assert.equal((await answered).status, 201)
    assert.notEqual((await ended).status, 201)
    await until('the part is gone', () => files(own, 'parts').length === 0)
  })

  test('waits while its user has ten under way; others don\'t', async () => {
    const project = await createProject(server, 'anna')
    await addMember(server, 'anna', project, 'ben')
    const cuts = Array.from({ length: 10 }, () => begun(project, 10_000_000))
    await until('ten are being written', () => files(server, 'parts').length === 10)
    const eleventh = upload(server, 'anna', project, { title: 'Eleventh' })
    assert.equal((await upload(server, 'ben', project, { title: 'Another\'s' })).status, 201)
    cuts.forEach((cut) => cut.destroy())
    assert.equal((await eleventh).status, 201)
    await until('the parts are gone', () => files(server, 'parts').length === 0)
    const { body } = await call(server, 'GET', `/api/projects/${project.id}/stories`, { as: 'anna' })
    assert.deepEqual(body.stories.map(({ title }) => title), ['Eleventh', 'Another\'s'])
  })

  test('of somebody who is removed meanwhile is refused, and leaves nothing', async () => {
    const project = await createProject(server, 'anna')
    await addMember(server, 'anna', project, 'ben')
    const slow = begun(project, undefined, 'ben')
    const answered = answer(slow)
    await until('it has begun', () => files(server, 'parts').length === 1)
    await call(server, 'DELETE', `/api/projects/${project.id}/members/ben`, { as: 'anna' })
    slow.end('x\r\n--x\r\ncontent-disposition: form-data; name="title"\r\n\r\nLate\r\n--x--\r\n')
    assert.equal((await answered).status, 403)
    assert.deepEqual(files(server, 'parts'), [])
  })

  test('is refused for strangers, without a token, and while the project isn\'t active', async () => {
    const project = await createProject(server, 'anna')
    const what = { title: 'x', media: 'x' }
    assert.deepEqual(refused(await upload(server, 'stranger', project, what)), [403, 'PROJECT_ACCESS_DENIED'])
    assert.deepEqual(
      await upload(server, 'stranger', project, what),
      await upload(server, 'stranger', { id: 'no-such-project' }, what),
    )
    assert.deepEqual(refused(await upload(server, undefined, project, what)), [401, 'UNAUTHENTICATED'])
    // And sees why, however much it was about to send.
    const large = { title: 'x', media: Buffer.alloc(MEDIA_BYTES, 1) }
    assert.deepEqual(refused(await upload(server, undefined, project, large)), [401, 'UNAUTHENTICATED'])
    assert.deepEqual(refused(await upload(server, 'stranger', project, large)), [403, 'PROJECT_ACCESS_DENIED'])
    await setActive(server, 'anna', project, false)
    assert.deepEqual(refused(await upload(server, 'anna', project, what)), [409, 'PROJECT_INACTIVE'])
    // Reading goes on.
    assert.equal((await call(server, 'GET', `/api/projects/${project.id}/stories`, { as: 'anna' })).status, 200)
    assert.deepEqual(files(server, 'parts'), [])
  })
})

describe('reading', () => {
  test('stories come by pages, the newest first; a page of long texts is shorter', async () => {
    const project = await createProject(server, 'anna')
    const text = 'word '.repeat(100_000)
    for (let n = 0; n < 7; n++) assert.equal((await upload(server, 'anna', project, { title: `${n}`, text })).status, 201)
    const titles = []
    let pages = 0
    for (let after = ''; after !== undefined; pages++) {
      const { body } = await call(server, 'GET', `/api/projects/${project.id}/stories${after && `?after=${after}`}`, { as: 'anna' })
      titles.push(...body.stories.map(({ title }) => title))
      after = body.next
    }
    assert.deepEqual(titles, ['6', '5', '4', '3', '2', '1', '0'])
    assert.equal(pages, 2)
  })

  test('is for members alone', async () => {
    const project = await createProject(server, 'anna')
    const { body: story } = await upload(server, 'anna', project, { title: 'Ours' })
    for (const path of [`/api/projects/${project.id}/stories`, `/api/stories/${story.id}`]) {
      assert.deepEqual(refused(await call(server, 'GET', path, { as: 'stranger' })), [403, 'PROJECT_ACCESS_DENIED'], path)
      assert.deepEqual(refused(await call(server, 'GET', path)), [401, 'UNAUTHENTICATED'], path)
    }
    assert.deepEqual(refused(await call(server, 'GET', '/api/stories/no-such-story', { as: 'anna' })), [404, 'NOT_FOUND'])
  })
})

describe('a restart', () => {
  test('in the middle of processing takes it up again; a recording that is gone is told as failed', async (t) => {
    let own = await startServer({ env: { RATE_LIMIT_MAX: '100000' } })
    t.after(() => own.stop())
    const project = await createProject(own, 'anna')
    const media = Buffer.concat([wav(1), randomBytes(10_000_000)])
    const stories = []
    const statuses = async () => {
      const { body } = await call(own, 'GET', `/api/projects/${project.id}/stories`, { as: 'anna' })
      return Object.fromEntries(body.stories.map((story) => [story.title, story]))
    }
    await until('it is in the middle', async () => {
      const uploads = [0, 1, 2, 3, 4].map((n) => upload(own, 'anna', project, { title: `${stories.length + n}`, media }))
      stories.push(...(await Promise.all(uploads)).map(({ body }) => body))
      return Object.values(await statuses()).some(({ status }) => status === 'processing')
    })
    await own.end('SIGKILL')
    const lost = stories.at(-1)
    rmSync(join(own.database, 'media', 'stories', lost.id), { force: true })
    const old = join(own.database, 'media', 'parts', 'left-behind')
    const young = join(own.database, 'media', 'parts', 'coming-in')
    for (const part of [old, young]) writeFileSync(part, 'x')
    utimesSync(old, 0, Date.now() / 1000 - 2 * 60 * 60)
    own = await startServer({ database: own.database, env: { RATE_LIMIT_MAX: '100000' } })
    await until('all are processed', async () => Object.values(await statuses()).every(({ status }) => status !== 'processing'))
    const after = await statuses()
    for (const { title } of stories.slice(0, -1)) {
      assert.deepEqual([after[title].status, after[title].checksum], ['processed', sha256(media)])
    }
    if (after[lost.title].status === 'failed') assert.match(after[lost.title].failure, /no longer there/)
    await until('what was left behind is gone', () => !existsSync(old))
    assert.ok(existsSync(young), 'what may still be coming in stays')
  })

  test('by SIGTERM doesn\'t wait for what is processed', async () => {
    let log = ''
    const own = await startServer({ env: { RATE_LIMIT_MAX: '100000', RUST_LOG: 'info' }, log: (text) => (log += text) })
    const project = await createProject(own, 'anna')
    for (const n of [0, 1, 2]) await upload(own, 'anna', project, { title: `${n}`, media: randomBytes(20_000_000) })
    assert.deepEqual(await own.end('SIGTERM'), { code: 0, signal: null })
    assert.match(log, /stopped/)
    assert.doesNotMatch(log, /in time/)
    await own.stop()
  })
})

/** A request for an upload whose recording has begun. */
function begun(project, length, as = 'anna', at = server) {
  const head = '--x\r\ncontent-disposition: form-data; name="media"; filename="x"\r\n\r\n'
  const made = request(`${at.url}/api/projects/${project.id}/stories`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${token(as)}`,
      'content-type': 'multipart/form-data; boundary=x',
      ...(length && { 'content-length': length }),
    },
  })
  made.on('error', () => {})
  made.write(head)
  return made
}

/** The status that a request is answered with. */
function answer(made) {
  return new Promise((resolve, reject) => {
    made.on('response', (response) => resolve({ status: response.statusCode }))
    made.on('close', () => reject(new Error('the connection ended')))
  })
}
