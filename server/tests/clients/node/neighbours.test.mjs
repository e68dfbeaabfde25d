// Clients of the next version, which say more than this server knows: nothing of it is an error.
import assert from 'node:assert/strict'
import { readFileSync, readdirSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { token } from './api.mjs'
import { ask, next, open, refusal, signedIn } from './client.mjs'
import { startServer } from './server.mjs'

let server
before(async () => {
  server = await startServer({ env: { RATE_LIMIT_MAX: '100000' } })
})
after(() => server.stop())

function withAddedFields(value) {
  if (Array.isArray(value)) return value.map(withAddedFields)
  if (typeof value !== 'object' || value === null) return value
  return { ...Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, withAddedFields(inner)])), addedLater: 7 }
}

const root = new URL('../../../../protocol/fixtures/', import.meta.url)
const events = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.json'))
  .map((path) => JSON.parse(readFileSync(new URL(path, root), 'utf8')))
  .filter(({ direction }) => direction === 'client')

test('every event of a client may have fields that were added later', async (t) => {
  assert.ok(events.length > 10)
  for (const { event, payload } of events) {
    const answers = []
    for (const said of [payload, withAddedFields(payload)]) {
      const socket = await signedIn(t, server, 'anna')
      const [{ ok, error }] = await Promise.race([
        ask(socket, event, said, { id: crypto.randomUUID(), addedLater: 7 }).then((answer) => [answer]),
        // Some sign-ins are answered by being cut off.
        next(socket, 'disconnect').then(() => [{ ok: false, error: { code: 'disconnected' } }]),
      ])
      answers.push(ok || error.code)
      socket.disconnect()
    }
    assert.equal(answers[1], answers[0], event)
    assert.notEqual(answers[0], 'INVALID_PAYLOAD', event)
  }
})

test('an event that was added later is refused, and the connection stays', async (t) => {
  const socket = await signedIn(t, server, 'anna')
  assert.equal((await ask(socket, 'tea:pour', { cups: 2 })).error.code, 'UNKNOWN_EVENT')
  assert.equal((await ask(socket, 'ping', {})).ok, true)
})

test('a handshake may have more in it, of a later minor version; another major version is refused', async (t) => {
  const resume = [{ room: 'room:tea', epoch: 'e', offset: 3, addedLater: 7 }]
  const socket = await signedIn(t, server, 'anna', { auth: { token: token('anna'), protocol: '1.99', addedLater: { a: 1 }, resume } })
  assert.equal((await ask(socket, 'ping', {})).ok, true)
  assert.match(await refusal(open(t, server, { auth: { token: token('anna'), protocol: '2.0' } })), /^UPGRADE_REQUIRED/)
})

test('an event that this server does not know passes through a room, and its log', async (t) => {
  const [ben, anna] = [await signedIn(t, server, 'ben'), await signedIn(t, server, 'anna')]
  const { data } = await ask(ben, 'room:join', 'tea')
  await ask(anna, 'room:join', 'tea')
  const said = next(ben, 'broadcast')
  await ask(anna, 'broadcast', { room: 'tea', event: 'tea:poured', data: { cups: 2 }, addedLater: 7 })
  assert.deepEqual((await said)[0].data, { cups: 2 })
  const history = await ask(ben, 'room:history', { room: 'room:tea', epoch: data.position.epoch, after: data.position.offset, addedLater: 7 })
  assert.equal(history.data.events.length, 1)
})
