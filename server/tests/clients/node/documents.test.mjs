// The server describes itself: OpenAPI for the calls, AsyncAPI for the events (http.md).
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { call } from './api.mjs'
import { startServer } from './server.mjs'

let server
before(async () => {
  server = await startServer()
})
after(() => server.stop())

/** Every `$ref` of a document. */
function references(value) {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, inner]) => (key === '$ref' ? [inner] : references(inner)))
}

function dangling(document) {
  const find = (pointer) =>
    pointer.slice(2).split('/').reduce((at, key) => at?.[key.replaceAll('~1', '/').replaceAll('~0', '~')], document)
  return references(document).filter((pointer) => find(pointer) === undefined)
}

test('OpenAPI tells of every call, what opens it and what it answers', async () => {
  const { status, body } = await call(server, 'GET', '/api/openapi.json')
  assert.equal(status, 200)
  assert.equal(body.openapi, '3.1.0')
  assert.deepEqual(dangling(body), [])
  const operations = Object.entries(body.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => [`${method} ${path}`, operation, path]),
  )
  for (const [name, operation, path] of operations) {
    const parts = [...path.matchAll(/\{(\w+)\}/g)].map(([, part]) => part)
    const named = operation.parameters?.filter((parameter) => parameter.in === 'path').map((parameter) => parameter.name)
    assert.deepEqual(named ?? [], parts, name)
    const codes = Object.keys(operation.responses ?? {})
    assert.ok(codes.some((code) => code.startsWith('2')), `${name} answers ${codes}`)
  }
  const opened = (name) => Object.keys(operations.find(([known]) => known === name)[1].security[0])
  assert.deepEqual(opened('post /api/projects'), ['token'])
  assert.deepEqual(opened('post /api/sessions/{id}/events'), ['ingestKey'])
  assert.deepEqual(opened('post /api/publish'), ['apiKey'])
})

test('AsyncAPI tells of every event', async () => {
  const { status, body } = await call(server, 'GET', '/api/asyncapi.json')
  assert.equal(status, 200)
  assert.equal(body.asyncapi, '3.0.0')
  assert.deepEqual(dangling(body), [])
  const { messages } = body.components
  assert.deepEqual(messages['server.session-started']['x-rooms'], ['project:{id}'])
  assert.equal(messages['client.message.send'].name, 'message:send')
  assert.ok(body.operations['client.join-project']['x-ack'])
})
