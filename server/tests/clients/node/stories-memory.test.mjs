// What stories cost in memory: uploads and exports go by the disk, not through it.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { call, createProject, token, upload } from './api.mjs'
import { startServer } from './server.mjs'
import { until } from './stories.mjs'
import { unzip } from './zip.mjs'

const LONG_MS = 300_000
const MB = 1_000_000

test('an export of 500 stories with 200 MB of recordings keeps memory under 100 MB above idle', { timeout: LONG_MS }, async (t) => {
  const env = { RATE_LIMIT_MAX: '100000' }
  let server = await startServer({ env })
  t.after(() => server.stop())
  const project = await createProject(server, 'anna')
  const media = randomBytes(400_000)
  for (let n = 0; n < 500; n += 10) {
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, m) => upload(server, 'anna', project, { title: `${n + m}`, text: 'told '.repeat(200), media })),
    )
    for (const { status } of answers) assert.equal(status, 201)
  }
  // Begun again, so that what the allocator keeps of the uploads is not taken for the export's.
  await server.end('SIGTERM')
  server = await startServer({ database: server.database, env })
  const idle = server.memory()
  const { body } = await call(server, 'POST', `/api/projects/${project.id}/exports`, { as: 'anna', body: { format: 'zip' } })
  const path = `/api/exports/${body.exportId}`
  const ready = await until('it is ready', async () => {
    const { body: stored } = await call(server, 'GET', path, { as: 'anna' })
    assert.ok(['running', 'ready'].includes(stored.status), JSON.stringify(stored))
    return stored.status === 'ready' && stored
  }, LONG_MS)
  assert.ok(ready.size > 200 * MB, `${ready.size} bytes`)
  const response = await fetch(`${server.url}${path}/download`, { headers: { authorization: `Bearer ${token('anna')}` } })
  const inside = unzip(Buffer.from(await response.arrayBuffer()))
  assert.equal([...inside.keys()].filter((name) => name.startsWith('media/')).length, 500)
  const more = server.peakMemory() - idle
  t.diagnostic(`${Math.round(more / MB)} MB above ${Math.round(idle / MB)} MB, with the download`)
  assert.ok(more < 100 * MB, `${more} bytes above idle`)
})

test('an upload of 100 MB is never whole in memory', { timeout: LONG_MS }, async (t) => {
  const server = await startServer({ env: { RATE_LIMIT_MAX: '100000' } })
  t.after(() => server.stop())
  const project = await createProject(server, 'anna')
  const idle = server.memory()
  const media = Buffer.alloc(100 * MB, 7)
  const answers = await Promise.all(['a', 'b'].map((title) => upload(server, 'anna', project, { title, media })))
  assert.deepEqual(answers.map(({ status }) => status), [201, 201])
  const more = server.peakMemory() - idle
  t.diagnostic(`${Math.round(more / MB)} MB for two at once`)
  assert.ok(more < 100 * MB, `${more} bytes above idle`)
})
