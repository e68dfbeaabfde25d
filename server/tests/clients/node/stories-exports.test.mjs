// Exports of stories (wire.md, section 9; http.md): what is written, told, downloaded, and what fails.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { appendFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { call, createProject, setActive, token, upload, wav } from './api.mjs'
import { ask, next, record, settled, signedIn } from './client.mjs'
import { startServer } from './server.mjs'
import { files, followed, processed, refused, sha256, TIME, until } from './stories.mjs'
import { unzip } from './zip.mjs'

const LONG_MS = 60_000

let server
before(async () => {
  server = await startServer({ env: { RATE_LIMIT_MAX: '100000' } })
})
after(() => server.stop())

const order = (project, format, as = 'anna', of = server) =>
  call(of, 'POST', `/api/projects/${project.id}/exports`, { as, body: { format } })

const stored = async (exportId, of = server) => (await call(of, 'GET', `/api/exports/${exportId}`, { as: 'anna' })).body

/** Orders an export; gives its id once it is no longer running. */
async function ended(project, format, of = server) {
  const { status, body } = await order(project, format, 'anna', of)
  assert.equal(status, 202, JSON.stringify(body))
  await until('the export has ended', async () => (await stored(body.exportId, of)).status !== 'running', LONG_MS)
  return body.exportId
}

const download = (url, { as = 'anna', of = server, method = 'GET', ...headers } = {}) =>
  fetch(of.url + url, { method, headers: { ...(as && { authorization: `Bearer ${token(as)}` }), ...headers } })

const bytesOf = async (response) => Buffer.from(await response.arrayBuffer())

/** Three stories: a recording with a text and interactions, a text, a picture that was never one. */
async function told(t) {
  const { project, socket, seen } = await followed(t, server)
  const media = wav(1.5)
  const harbour = await processed(server, socket, project, { title: 'The harbour', text: 'The ice came early.', media })
  const words = await processed(server, socket, project, { title: 'Words ä😀', text: 'Nothing but "words".' }, 'ben')
  const blob = Buffer.from([0, 255, 1, 254])
  const other = await processed(server, socket, project, { title: 'Unknown', media: blob })
  const interactions = []
  for (const type of ['question', 'answer']) {
    const { body } = await call(server, 'POST', `/api/stories/${harbour.id}/interactions`, { as: 'ben', body: { type, content: `${type}!` } })
    interactions.push(body)
  }
  return { project, socket, seen, media, blob, harbour, words, other, interactions }
}

describe('an export', () => {
  test('as zip holds stories, transcripts, recordings and a manifest; all of it is told', async (t) => {
    const { project, socket, seen, media, blob, harbour, words, other, interactions } = await told(t)
    const done = next(socket, 'export_ready')
    const { status, body } = await order(project, 'zip', 'ben')
    assert.equal(status, 202)
    assert.deepEqual(Object.keys(body), ['exportId'])
    const { exportId } = body
    const [ready, meta] = await done
    assert.equal(meta.room, `stories:${project.id}`)

    const of = seen.filter(([name]) => name.startsWith('export_')).map(([name, payload]) => [name, payload])
    for (const [, { projectId, timestamp }] of of) {
      assert.equal(projectId, project.id)
      assert.match(timestamp, TIME)
    }
    const without = ({ projectId, timestamp, ...rest }) => rest
    assert.deepEqual(of[0].map((part, n) => (n ? without(part) : part)), [
      'export_started', { exportId, format: 'zip', requestedBy: 'ben' },
    ])
    const progress = of.slice(1, -1)
    for (const [name, payload] of progress) {
      assert.equal(name, 'export_progress')
      assert.deepEqual(Object.keys(without(payload)).sort(), ['exportId', 'processed', 'progress', 'total'])
      assert.deepEqual([payload.exportId, payload.total], [exportId, 3])
    }
    assert.deepEqual(without(progress.at(-1)[1]), { exportId, progress: 1, processed: 3, total: 3 })
    assert.equal(of.at(-1)[0], 'export_ready')
    assert.deepEqual(Object.keys(without(ready)).sort(), ['downloadUrl', 'expiresAt', 'exportId', 'size'])
    assert.equal(ready.downloadUrl, `/api/exports/${exportId}/download`)
    assert.ok(Date.parse(ready.expiresAt) - Date.parse(ready.timestamp) === 24 * 60 * 60 * 1000, 'a day')

    const response = await download(ready.downloadUrl, { as: 'ben' })
    assert.equal(response.status, 200)
    assert.equal(response.headers.get('content-type'), 'application/zip')
    assert.equal(response.headers.get('content-disposition'), `attachment; filename="stories-${exportId}.zip"`)
    const archive = await bytesOf(response)
    assert.equal(archive.length, ready.size)
    const inside = unzip(archive)
    const manifest = JSON.parse(inside.get('manifest.json'))
    const expected = {
      [`stories/${harbour.id}.json`]: { story: harbour, interactions },
      [`transcripts/${harbour.id}.txt`]: 'The ice came early.',
      [`media/${harbour.id}.wav`]: media,
      [`stories/${words.id}.json`]: { story: words, interactions: [] },
      [`transcripts/${words.id}.txt`]: 'Nothing but "words".',
      [`stories/${other.id}.json`]: { story: other, interactions: [] },
      [`media/${other.id}.bin`]: blob,
    }
    assert.deepEqual([...inside.keys()].sort(), [...Object.keys(expected), 'manifest.json'].sort())
    for (const [path, content] of Object.entries(expected)) {
      const bytes = inside.get(path)
      if (path.startsWith('stories/')) assert.deepEqual(JSON.parse(bytes), content, path)
      else assert.deepEqual(bytes, Buffer.from(content), path)
    }
    const { exportedAt, files: listed, ...about } = manifest
    assert.match(exportedAt, TIME)
    assert.deepEqual(about, { exportId, project: { id: project.id, name: 'Project of anna' }, stories: 3 })
    assert.deepEqual(
      listed,
      Object.keys(expected).map((path) => ({ path, size: inside.get(path).length, sha256: sha256(inside.get(path)) })),
    )
    assert.deepEqual(await stored(exportId), {
      id: exportId, projectId: project.id, format: 'zip', requestedBy: 'ben', createdAt: of[0][1].timestamp, status: 'ready',
      downloadUrl: ready.downloadUrl, size: ready.size, expiresAt: ready.expiresAt,
    })
    assert.deepEqual(files(server, 'parts'), [])
  })

  test('as json holds all but the recordings', async (t) => {
    const { project, harbour, words, other, interactions } = await told(t)
    const exportId = await ended(project, 'json')
    const response = await download(`/api/exports/${exportId}/download`)
    assert.equal(response.headers.get('content-type'), 'application/json')
    const { exportedAt, ...document } = await response.json()
    assert.match(exportedAt, TIME)
    assert.deepEqual(document, {
      exportId,
      project: { id: project.id, name: 'Project of anna' },
      stories: [{ story: harbour, interactions }, { story: words, interactions: [] }, { story: other, interactions: [] }],
    })
  })

  test('of no stories is empty', async (t) => {
    const { project, seen, socket } = await followed(t, server)
    for (const format of ['json', 'zip']) {
      const exportId = await ended(project, format)
      const content = await bytesOf(await download(`/api/exports/${exportId}/download`))
      if (format === 'json') assert.deepEqual(JSON.parse(content).stories, [])
      else assert.deepEqual([...unzip(content).keys()], ['manifest.json'])
    }
    await settled(socket)
    const [, last] = seen.findLast(([name]) => name === 'export_progress')
    assert.deepEqual([last.progress, last.processed, last.total], [1, 0, 0])
  })

  test('of many interactions and long texts is whole', async (t) => {
    const { project, socket } = await followed(t, server)
    const text = 'word '.repeat(100_000)
    const titles = Array.from({ length: 9 }, (_, n) => `${n}`)
    for (const title of titles) await upload(server, 'anna', project, { title, text })
    const story = await processed(server, socket, project, { title: 'Talked about' })
    const contents = Array.from({ length: 1100 }, (_, n) => `remark ${n}`)
    for (const content of contents) await call(server, 'POST', `/api/stories/${story.id}/interactions`, { as: 'ben', body: { type: 'comment', content } })
    const exportId = await ended(project, 'json')
    const { stories } = await (await download(`/api/exports/${exportId}/download`)).json()
    assert.deepEqual(stories.map((told) => told.story.title), [...titles, 'Talked about'])
    for (const told of stories.slice(0, 9)) assert.equal(told.story.transcript, text)
    assert.deepEqual(stories.at(-1).interactions.map(({ content }) => content), contents)
    // And by pages.
    const { body: first } = await call(server, 'GET', `/api/stories/${story.id}/interactions`, { as: 'anna' })
    assert.equal(first.interactions.length, 500)
    const { body: second } = await call(server, 'GET', `/api/stories/${story.id}/interactions?after=${first.next}`, { as: 'anna' })
    assert.equal(second.interactions[0].content, 'remark 500')
  })

  test('says how far it is, and never that it is less far', async (t) => {
    const { project, socket, seen } = await followed(t, server)
    for (let n = 0; n < 8; n++) await upload(server, 'anna', project, { title: `${n}`, media: randomBytes(5_000_000) })
    const exportId = await ended(project, 'zip')
    await settled(socket)
    const told = seen.filter(([name]) => name === 'export_progress').map(([, payload]) => payload)
    assert.ok(told.length >= 2)
    for (const [before, now] of told.slice(1).map((now, n) => [told[n], now])) {
      assert.ok(now.progress >= before.progress && now.processed >= before.processed, JSON.stringify([before, now]))
    }
    const first = Date.parse(told[0].timestamp)
    const last = Date.parse(told.at(-1).timestamp)
    assert.ok(told.length <= (last - first) / 250 + 3, `${told.length} times in ${last - first} ms`)
    assert.equal((await stored(exportId)).status, 'ready')
  })
})

describe('a download', () => {
  test('goes on from where it was cut', async (t) => {
    const { project } = await told(t)
    const url = `/api/exports/${await ended(project, 'zip')}/download`
    const whole = await bytesOf(await download(url))
    const head = await download(url, { range: 'bytes=0-99' })
    assert.equal(head.status, 206)
    assert.equal(head.headers.get('content-range'), `bytes 0-99/${whole.length}`)
    const rest = await download(url, { range: 'bytes=100-' })
    assert.equal(rest.status, 206)
    assert.deepEqual(Buffer.concat([await bytesOf(head), await bytesOf(rest)]), whole)
    assert.deepEqual(await bytesOf(await download(url, { range: 'bytes=-10' })), whole.subarray(-10))
    assert.equal((await download(url, { range: `bytes=${whole.length}-` })).status, 416)
    const asked = await download(url, { method: 'HEAD' })
    assert.equal(asked.headers.get('content-length'), String(whole.length))
    assert.equal(asked.headers.get('accept-ranges'), 'bytes')
  })

  test('is for members alone, as is all of an export', async (t) => {
    const { project } = await followed(t, server)
    const exportId = await ended(project, 'json')
    const calls = [
      (as, id = exportId) => call(server, 'GET', `/api/exports/${id}/download`, { as }),
      (as, id = exportId) => call(server, 'GET', `/api/exports/${id}`, { as }),
    ]
    for (const act of calls) {
      assert.equal((await act('ben')).status, 200)
      assert.deepEqual(refused(await act('stranger')), [403, 'PROJECT_ACCESS_DENIED'])
      assert.deepEqual(refused(await act(undefined)), [401, 'UNAUTHENTICATED'])
      assert.deepEqual(refused(await act('anna', 'no-such-export')), [404, 'NOT_FOUND'])
      assert.deepEqual(refused(await act('anna', '..%2F..%2Fsamewire.db')), [404, 'NOT_FOUND'])
    }
    for (const method of ['GET', 'POST']) {
      const act = (as) => call(server, method, `/api/projects/${project.id}/exports`, { as, body: method === 'POST' ? { format: 'zip' } : undefined })
      assert.deepEqual(refused(await act('stranger')), [403, 'PROJECT_ACCESS_DENIED'])
      assert.deepEqual(refused(await act(undefined)), [401, 'UNAUTHENTICATED'])
    }
    await call(server, 'DELETE', `/api/projects/${project.id}/members/ben`, { as: 'anna' })
    for (const act of calls) assert.deepEqual(refused(await act('ben')), [403, 'PROJECT_ACCESS_DENIED'])
  })
})

describe('is refused', () => {
  test('a format that there is none of, and a project that isn\'t active', async () => {
    const project = await createProject(server, 'anna')
    for (const format of ['pdf', 7, undefined]) {
      const answer = await order(project, format)
      assert.deepEqual(refused(answer), [400, 'INVALID_PAYLOAD'])
      assert.match(answer.body.detail, /^format: /)
    }
    await setActive(server, 'anna', project, false)
    assert.deepEqual(refused(await order(project, 'zip')), [409, 'PROJECT_INACTIVE'])
  })

  test('a sixth export while five are under way; two are written at a time', async (t) => {
    const { project, socket } = await followed(t, server)
    for (let n = 0; n < 4; n++) await upload(server, 'anna', project, { title: `${n}`, media: randomBytes(10_000_000) })
    await until('all are processed', async () => {
      const { body } = await call(server, 'GET', `/api/projects/${project.id}/stories`, { as: 'anna' })
      return body.stories.every(({ status }) => status === 'processed')
    }, LONG_MS)
    const seen = record(socket)
    const answers = await Promise.all(Array.from({ length: 6 }, () => order(project, 'zip')))
    assert.deepEqual(answers.map(({ status }) => status).sort(), [202, 202, 202, 202, 202, 409])
    const ids = answers.filter(({ status }) => status === 202).map(({ body }) => body.exportId)
    const early = await download(`/api/exports/${ids.at(-1)}/download`)
    assert.deepEqual([early.status, (await early.json()).code], [409, 'CONFLICT'])
    let most = 0
    await until('all are ready', async () => {
      most = Math.max(most, files(server, 'parts').length)
      return (await Promise.all(ids.map((id) => stored(id)))).every(({ status }) => status === 'ready')
    }, LONG_MS)
    assert.ok(most >= 1 && most <= 2, `${most} at a time`)
    await settled(socket)
    assert.equal(seen.filter(([name]) => name === 'export_ready').length, 5)
    const { body } = await call(server, 'GET', `/api/projects/${project.id}/exports`, { as: 'ben' })
    assert.deepEqual(body.exports.map(({ id }) => id).sort(), [...ids].sort())
  })
})

describe('an export that fails', () => {
  for (const [title, spoil, said] of [
    ['a recording is gone', (path) => rmSync(path), /^the recording of “Spoilt” is no longer there$/],
    ['a recording isn\'t what was uploaded', (path) => appendFileSync(path, 'x'), /^the recording of “Spoilt” is damaged/],
  ]) {
    test(`says why, and leaves no file: ${title}`, async (t) => {
      const { project, socket } = await followed(t, server)
      await processed(server, socket, project, { title: 'Whole', media: randomBytes(1_000_000) })
      const { id } = await processed(server, socket, project, { title: 'Spoilt', media: randomBytes(1_000_000) })
      spoil(join(server.database, 'media', 'stories', id))
      const before = files(server, 'exports')
      const failed = next(socket, 'export_failed')
      const { body } = await order(project, 'zip')
      const [{ timestamp, ...payload }] = await failed
      assert.match(timestamp, TIME)
      assert.match(payload.message, said)
      assert.deepEqual(payload, { projectId: project.id, exportId: body.exportId, code: 'NOT_FOUND', message: payload.message })
      assert.deepEqual(files(server, 'parts'), [])
      assert.deepEqual(files(server, 'exports'), before)
      const { status, code, message } = await stored(body.exportId)
      assert.deepEqual([status, code, message], ['failed', 'NOT_FOUND', payload.message])
      assert.equal((await download(`/api/exports/${body.exportId}/download`)).status, 404)
      // A document without recordings is none the worse for it.
      assert.equal((await stored(await ended(project, 'json'))).status, 'ready')
    })
  }
})

describe('an export is gone', () => {
  test('once it has expired, also where the server wasn\'t there at the time', async (t) => {
    let own = await startServer({ env: { EXPORT_AGE: '1s' } })
    t.after(() => own.stop())
    const project = await createProject(own, 'anna')
    const gone = async (exportId) => {
      await until('it has expired', async () => (await stored(exportId, own)).status === 'expired')
      assert.deepEqual(files(own, 'exports'), [])
      const late = await download(`/api/exports/${exportId}/download`, { of: own })
      assert.deepEqual([late.status, (await late.json()).detail], [404, 'the export has expired'])
    }
    await gone(await ended(project, 'zip', own))
    const exportId = await ended(project, 'zip', own)
    await own.end('SIGKILL')
    own = await startServer({ database: own.database, env: { EXPORT_AGE: '1s' } })
    await gone(exportId)
  })

  test('when ten newer ones are there', async () => {
    const project = await createProject(server, 'anna')
    const ids = []
    for (let n = 0; n < 11; n++) ids.push(await ended(project, 'json'))
    const statuses = await Promise.all(ids.map(async (id) => (await download(`/api/exports/${id}/download`)).status))
    assert.deepEqual(statuses, [404, ...Array(10).fill(200)])
  })
})

test('a restart in the middle of an export takes it up again', async (t) => {
  let own = await startServer({ env: { RATE_LIMIT_MAX: '100000' } })
  t.after(() => own.stop())
  const project = await createProject(own, 'anna')
  for (let n = 0; n < 6; n++) await upload(own, 'anna', project, { title: `${n}`, media: randomBytes(10_000_000) })
  for (const signal of ['SIGKILL', 'SIGTERM']) {
    const { body } = await order(project, 'zip', 'anna', own)
    await until('it is being written', () => files(own, 'parts').length > 0)
    await own.end(signal)
    if (signal === 'SIGTERM') assert.equal(files(own, 'parts').length, 1, 'what was left by SIGKILL alone')
    own = await startServer({ database: own.database, env: { RATE_LIMIT_MAX: '100000' } })
    const socket = await signedIn(t, own, 'anna')
    await ask(socket, 'join_project', project.id)
    await until('it is ready', async () => (await stored(body.exportId, own)).status === 'ready', LONG_MS)
    const inside = unzip(await bytesOf(await download(`/api/exports/${body.exportId}/download`, { of: own })))
    const manifest = JSON.parse(inside.get('manifest.json'))
    assert.equal(manifest.stories, 6)
    for (const { path, size, sha256: sum } of manifest.files) {
      assert.deepEqual([inside.get(path).length, sha256(inside.get(path))], [size, sum], path)
    }
  }
})
