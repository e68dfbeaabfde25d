// What a connection costs in memory while nothing happens on it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { raw } from './raw-client.mjs'
import { startServer } from './server.mjs'

const CONNECTIONS = 1500
const AT_ONCE = 50
const MAX_BYTES = 21_000

test('an idle connection keeps nothing of the request that it began with', { timeout: 300_000 }, async (t) => {
  const server = await startServer({ env: { CONNECTIONS_PER_SECOND: '100000' } })
  t.after(() => server.stop())
  const connect = async (name, count) => {
    for (let n = 0; n < count; n += AT_ONCE) {
      await Promise.all(Array.from({ length: AT_ONCE }, (_, m) => raw(t, server, `${name}-${n + m}`)))
    }
  }
  // What the first connections alone make the server set up is none of theirs.
  await connect('first', 500)
  const before = server.memory()
  await connect('further', CONNECTIONS)
  const each = Math.round((server.memory() - before) / CONNECTIONS)
  t.diagnostic(`${each} bytes a connection`)
  assert.ok(each < MAX_BYTES, `${each} bytes a connection`)
})
