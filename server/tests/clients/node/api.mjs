// Tokens and HTTP calls (http.md).
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { SECRET } from './server.mjs'

const base64url = (value) => Buffer.from(JSON.stringify(value)).toString('base64url')

/** A token of a user, signed as a back end would. */
export function token(sub, { expiresIn = 3600, secret = SECRET, ...claims } = {}) {
  const exp = Math.floor(Date.now() / 1000) + expiresIn
  const head = `${base64url({ alg: 'HS256', typ: 'JWT' })}.${base64url({ sub, exp, ...claims })}`
  return `${head}.${createHmac('sha256', secret).update(head).digest('base64url')}`
}

/** A call as a user; gives status and body. */
export async function call(server, method, path, { as, key, body } = {}) {
  const response = await fetch(server.url + path, {
    method,
    headers: {
      ...(as && { authorization: `Bearer ${token(as)}` }),
      ...(key && { 'x-ingest-key': key }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    body: body === undefined ? undefined : JSON.stringify(body),
  })
  const text = await response.text()
  return { status: response.status, body: text === '' ? undefined : JSON.parse(text) }
}

/** A project of a user, ready to be tracked: `{ id, ingestKey }`. */
export async function createProject(server, owner) {
  const { status, body } = await call(server, 'POST', '/api/projects', {
    as: owner,
    body: { name: `Project of ${owner}` },
  })
  assert.equal(status, 201)
  return body
}

export async function setActive(server, owner, project, active) {
  const { status } = await call(server, 'PATCH', `/api/projects/${project.id}`, {
    as: owner,
    body: { active },
  })
  assert.equal(status, 200)
}

/** Begins a tracked session; gives its id. */
export async function beginSession(server, project, externalUserId = 'visitor-456') {
  const { status, body } = await call(server, 'POST', `/api/projects/${project.id}/sessions`, {
    key: project.ingestKey,
    body: { externalUserId },
  })
  assert.equal(status, 201)
  return body.sessionId
}

export function ingest(server, project, sessionId, events) {
  return call(server, 'POST', `/api/sessions/${sessionId}/events`, {
    key: project.ingestKey,
    body: { events },
  })
}

export function finish(server, project, sessionId, how) {
  return call(server, 'POST', `/api/sessions/${sessionId}/${how}`, { key: project.ingestKey })
}

/** All that is stored of a session, page after page. */
export async function storedEvents(server, owner, sessionId) {
  const events = []
  for (let after; ; ) {
    const page = after === undefined ? '' : `?after=${encodeURIComponent(after)}`
    const { status, body } = await call(server, 'GET', `/api/sessions/${sessionId}/events${page}`, {
      as: owner,
    })
    assert.equal(status, 200)
    events.push(...body.events)
    after = body.next
    if (after === undefined) return events
  }
}

/** Makes a user a member of a project. */
export async function addMember(server, owner, project, user, role = 'storyteller') {
  const path = `/api/projects/${project.id}/members/${user}`
  const { status } = await call(server, 'PUT', path, { as: owner, body: { role } })
  assert.equal(status, 200)
}

/** Uploads a story; `media` is a Blob or bytes. Gives status and body. */
export async function upload(server, as, project, { title, text, media, fileName = 'recording' }) {
  const form = new FormData()
  if (title !== undefined) form.append('title', title)
  if (text !== undefined) form.append('text', text)
  if (media !== undefined) form.append('media', media instanceof Blob ? media : new Blob([media]), fileName)
  const headers = as === undefined ? {} : { authorization: `Bearer ${token(as)}` }
  const response = await fetch(`${server.url}/api/projects/${project.id}/stories`, { method: 'POST', headers, body: form })
  return { status: response.status, body: await response.json() }
}

/** A recording: a tone of so many seconds, as WAV of one channel in 16 bits. */
export function wav(seconds, sampleRate = 8000) {
  const frames = Math.round(seconds * sampleRate)
  const bytes = Buffer.alloc(44 + 2 * frames)
  bytes.write('RIFF', 0, 'latin1')
  bytes.writeUInt32LE(36 + 2 * frames, 4)
  bytes.write('WAVEfmt ', 8, 'latin1')
  bytes.writeUInt32LE(16, 16)
  bytes.writeUInt16LE(1, 20)
  bytes.writeUInt16LE(1, 22)
  bytes.writeUInt32LE(sampleRate, 24)
  bytes.writeUInt32LE(2 * sampleRate, 28)
  bytes.writeUInt16LE(2, 32)
  bytes.writeUInt16LE(16, 34)
  bytes.write('data', 36, 'latin1')
  bytes.writeUInt32LE(2 * frames, 40)
  for (let n = 0; n < frames; n++) {
    bytes.writeInt16LE(Math.round(8000 * Math.sin((2 * Math.PI * 440 * n) / sampleRate)), 44 + 2 * n)
  }
  return bytes
}

/** The tracked event number `n`. */
export const keydown = (n) => ({
  eventType: 'keydown',
  timestamp: '2026-11-21T07:38:47.123Z',
  keyChar: 'a',
  n,
})

/** How often each code was refused so far, as the metrics tell. */
export async function refusals(server) {
  const text = await (await fetch(`${server.url}/metrics`)).text()
  const lines = text.matchAll(/^samewire_refusals_total\{code="(\w+)"\} (\d+)$/gm)
  return Object.fromEntries([...lines].map(([, code, count]) => [code, Number(count)]))
}
