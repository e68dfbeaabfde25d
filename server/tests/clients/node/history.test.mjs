// What a room's log keeps, and how much of it one answer brings (wire.md, section 4; operations.md,
// LOG_EVENTS, LOG_AGE, LOG_BYTES).
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { token } from './api.mjs'
import { ask, next, open, signedIn } from './client.mjs'
import { startServer } from './server.mjs'

const KEY = 'a key for back ends'
const ROOM = 'room:log'

/** A server, a member of a room, and what sends events of so many bytes to the room. */
async function logged(t, env) {
  const server = await startServer({ env: { ...env, PUBLISH_KEY: KEY } })
  t.after(() => server.stop())
  const anna = await signedIn(t, server, 'anna')
  const { data } = await ask(anna, 'room:join', ROOM)
  return {
    anna,
    position: data.position,
    async send(count, size = 1) {
      for (let n = 0; n < count; n++) {
        const body = JSON.stringify({ room: ROOM, event: 'said', data: 'x'.repeat(size) })
        const response = await fetch(`${server.url}/api/publish`, { method: 'POST', headers: { 'x-api-key': KEY }, body })
        assert.equal(response.status, 200)
      }
    },
    /** What somebody is told who resumes from where the log began. */
    async resume() {
      const ben = open(t, server, { auth: { token: token('ben'), resume: [{ room: ROOM, ...data.position }] } })
      const [{ rooms }] = await next(ben, 'resumed')
      ben.disconnect()
      return rooms[0]
    },
  }
}

describe('a room\'s log', () => {
  test('keeps so many events', async (t) => {
    const log = await logged(t, { LOG_EVENTS: '20' })
    await log.send(20)
    const { recovered, missed } = await log.resume()
    assert.deepEqual([recovered, missed], [true, 20])
    await log.send(1)
    assert.equal((await log.resume()).recovered, false)
  })

  test('keeps so many bytes', async (t) => {
    const log = await logged(t, { LOG_BYTES: '10kB' })
    await log.send(4, 2000)
    assert.equal((await log.resume()).recovered, true)
    await log.send(1, 2000)
    assert.equal((await log.resume()).recovered, false)
  })

  test('keeps an event for so long', { timeout: 60_000 }, async (t) => {
    const [short, long] = await Promise.all(['2s', '1h'].map((age) => logged(t, { LOG_AGE: age })))
    await Promise.all([short.send(1), long.send(1)])
    while ((await short.resume()).recovered);
    assert.equal((await long.resume()).recovered, true)
  })
})

describe('an answer of room:history', () => {
  // Of events; half a MiB.
  const BYTES = 512 * 1024
  const read = async ({ anna, position: { epoch } }, after) => {
    const { data } = await ask(anna, 'room:history', { room: ROOM, epoch, after })
    return { offsets: data.events.map(({ offset }) => offset), complete: data.complete, position: data.position }
  }

  test('brings so many bytes, and the next one goes on where it ended', async (t) => {
    const log = await logged(t)
    // Five of them fit, with all that is around a payload, and a sixth does not.
    await log.send(7, BYTES / 5 - 500)
    const first = await read(log, 0)
    assert.deepEqual(first.offsets, [1, 2, 3, 4, 5])
    assert.deepEqual([first.complete, first.position.offset], [false, 7])
    const rest = await read(log, first.offsets.at(-1))
    assert.deepEqual([rest.offsets, rest.complete], [[6, 7], true])
  })

  test('brings an event that is larger by itself', async (t) => {
    const log = await logged(t)
    await log.send(2, BYTES + 1)
    assert.deepEqual(await read(log, 0), { offsets: [1], complete: false, position: { ...log.position, offset: 2 } })
    const last = await read(log, 1)
    assert.deepEqual([last.offsets, last.complete], [[2], true])
  })
})
