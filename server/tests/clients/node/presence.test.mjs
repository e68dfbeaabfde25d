// Who is in a room, over all tabs (wire.md, section 6).
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { ask, next, open, record, settled, signedIn } from './client.mjs'
import { token } from './api.mjs'
import { startServer } from './server.mjs'
import { until } from './stories.mjs'

const KEY = 'the key of a back end'

let server
before(async () => {
  server = await startServer({ env: { PUBLISH_KEY: KEY } })
})
after(() => server.stop())

/** Who comes back sooner has reloaded. */
const GRACE_MS = 2000

const joinedBy = (user) => ({ joined }) => joined.some(({ userId }) => userId === user)
const updatedBy = (user) => ({ updated }) => updated.some(({ userId }) => userId === user)
const leftBy = (user) => ({ left }) => left.includes(user)

/** How many connections are in a room. */
async function connectionsIn(room) {
  const response = await fetch(`${server.url}/api/rooms/${room}`, { headers: { 'x-api-key': KEY } })
  return (await response.json()).connections
}

test('whoever joins is told who is there, and the others who came, changed and left', async (t) => {
  const anna = await signedIn(t, server, 'anna')
  await ask(anna, 'room:join', 'tea')
  const came = next(anna, 'presence:update', joinedBy('ben'))
  const ben = await signedIn(t, server, 'ben')
  const state = next(ben, 'presence:state')
  const { data } = await ask(ben, 'room:join', 'tea')
  const [{ room, users }] = await state
  assert.equal(room, 'room:tea')
  assert.deepEqual(users.map(({ userId }) => userId), ['anna', 'ben'])
  assert.deepEqual(data.users, users)
  const [{ joined }] = await came
  const user = joined.find(({ userId }) => userId === 'ben')
  assert.equal(user.status, 'online')
  assert.equal(user.connections, 1)

  const changed = next(anna, 'presence:update', updatedBy('ben'))
  const answer = await ask(ben, 'presence:update', { room: 'tea', status: 'away', state: { x: 1 } })
  assert.equal(answer.data.status, 'away')
  const [{ updated }] = await changed
  assert.deepEqual([updated[0].status, updated[0].state], ['away', { x: 1 }])

  const gone = next(anna, 'presence:update', leftBy('ben'))
  await ask(ben, 'room:leave', 'tea')
  await gone
})

test('whoever wants other events alone is told nothing of presence, on coming back neither', async (t) => {
  const anna = await signedIn(t, server, 'anna')
  const told = record(anna)
  const room = 'room:audience'
  const { data } = await ask(anna, 'room:join', { room, events: ['said'] })
  assert.deepEqual(data.users.map(({ userId }) => userId), ['anna'], 'the answer lists who is there all the same')
  const ben = await signedIn(t, server, 'ben')
  const came = next(ben, 'presence:update', joinedBy('ben'))
  assert.equal((await ask(ben, 'room:join', { room, events: ['presence:update'] })).ok, true)
  await came
  await settled(anna)

  const back = open(t, server, { auth: { token: token('anna'), resume: [{ room, ...data.position, events: ['said'] }] } })
  const toldBack = record(back)
  await next(back, 'resumed')
  await settled(back)
  for (const seen of [told, toldBack]) assert.deepEqual(seen.filter(([name]) => name.startsWith('presence:')), [])
})

test('several tabs are one user, as present as the most present of them', async (t) => {
  const anna = await signedIn(t, server, 'anna')
  await ask(anna, 'room:join', 'tabs')
  const both = next(anna, 'presence:update', ({ joined, updated }) =>
    [...joined, ...updated].some(({ userId, connections }) => userId === 'ben' && connections === 2),
  )
  const one = await signedIn(t, server, 'ben')
  const two = await signedIn(t, server, 'ben')
  await ask(one, 'room:join', 'tabs')
  await ask(two, 'room:join', 'tabs')
  await both
  await ask(one, 'presence:update', { room: 'tabs', status: 'away' })
  const { data } = await ask(two, 'presence:update', { room: 'tabs', status: 'busy' })
  assert.equal(data.status, 'busy')
  // What the two said may be told ahead of it.
  const fewer = next(anna, 'presence:update', ({ updated }) => updated.some(({ userId, connections }) => userId === 'ben' && connections === 1))
  await ask(two, 'room:leave', 'tabs')
  const [{ updated, left }] = await fewer
  assert.deepEqual([updated[0].connections, updated[0].status, left], [1, 'away', []])
})

test('a reload is never reported; whoever stays away is', async (t) => {
  const anna = await signedIn(t, server, 'anna')
  for (let attempt = 0; ; attempt += 1) {
    const room = `room:reload-${attempt}`
    await ask(anna, 'room:join', room)
    const came = next(anna, 'presence:update', (changes) => changes.room === room && joinedBy('ben')(changes))
    const before = await signedIn(t, server, 'ben')
    await ask(before, 'room:join', room)
    await came
    const heard = record(anna)
    const began = performance.now()
    before.disconnect()
    // Whoever comes back before that has a second tab.
    await until('the first connection is gone', async () => (await connectionsIn(room)) === 1)
    const again = open(t, server, { auth: { token: token('ben') } })
    await next(again, 'authenticated')
    await ask(again, 'room:join', room)
    // On a machine that stands still one is away for longer, and missed.
    if (performance.now() - began >= GRACE_MS) continue
    const gone = next(anna, 'presence:update', (changes) => changes.room === room && leftBy('ben')(changes))
    again.disconnect()
    await gone
    await settled(anna)
    const told = heard.filter(([event, changes]) => event === 'presence:update' && changes.room === room).map(([, changes]) => changes)
    assert.equal(told.length, 1, JSON.stringify(told))
    assert.deepEqual(told[0].left, ['ben'])
    return
  }
})

test('presence is refused where it makes no sense', async (t) => {
  const anna = await signedIn(t, server, 'anna')
  const elsewhere = await ask(anna, 'presence:update', { room: 'nowhere', status: 'away' })
  assert.equal(elsewhere.error.code, 'NOT_FOUND')
  await ask(anna, 'room:join', 'strict')
  const status = await ask(anna, 'presence:update', { room: 'strict', status: 'asleep' })
  assert.match(status.error.message, /^status: expected/)
  const large = await ask(anna, 'presence:update', { room: 'strict', state: 'x'.repeat(4095) })
  assert.match(large.error.message, /^state: expected at most 4096 bytes/)
  const fits = await ask(anna, 'presence:update', { room: 'strict', state: 'x'.repeat(4094) })
  assert.equal(fits.ok, true)
})
