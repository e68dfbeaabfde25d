// What a spoilt or hostile client sends is refused by name; the connection and the server live on.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { after, before, describe, test } from 'node:test'
import { createProject } from './api.mjs'
import { ask, next, record, settled, signedIn } from './client.mjs'
import { raw } from './raw-client.mjs'
import { startServer } from './server.mjs'

const MIB = 1024 * 1024

let server
before(async () => {
  server = await startServer({ env: { RATE_LIMIT_MAX: '1000000' } })
})
after(() => server.stop())

describe('a spoilt frame is refused, and the connection lives on:', () => {
  for (const text of [
    '42["join-project",{"projectId":',
    '42["join-project",]',
    '42[',
    '42[]',
    '42[5]',
    '42[null,{}]',
    '42[{"event":"join-project"}]',
    `42["join-project",${'['.repeat(500)}${']'.repeat(500)}]`,
    '42["join-project",{"projectId":"\\ud800"}]',
    '42["join-project",{"projectId":1e999}]',
  ]) {
    test(text.length > 60 ? `${text.slice(0, 60)}…` : text, async (t) => {
      const { frame, send } = await raw(t, server, 'anna')
      send(text)
      const error = JSON.parse((await frame('42["error"')).slice(2))[1]
      assert.equal(error.code, 'INVALID_PAYLOAD')
      send('421["ping"]')
      assert.match(await frame('431'), /"ok":true/)
    })
  }
})

test('what is no packet at all ends that connection alone', async (t) => {
  const { socket, send } = await raw(t, server, 'anna')
  const bystander = await signedIn(t, server, 'ben')
  const closed = once(socket, 'close')
  send('4["join-project"]')
  await closed
  assert.equal((await settled(bystander)).ok, true)
})

describe('a payload that doesn\'t fit is refused by the field\'s name:', () => {
  for (const [event, payload, message] of [
    ['join-project', { projectId: 5 }, 'projectId: expected a string'],
    ['join-project', [], 'payload: expected an object'],
    ['join-project', 5, 'payload: expected an object'],
    ['join-project', true, 'payload: expected an object'],
    ['join-project', { projectId: '1', token: {} }, 'token: expected a string'],
    ['room:join', {}, 'room: is missing'],
    ['room:join', { room: 'lobby', since: { epoch: 'e' } }, 'since.offset: is missing'],
    ['room:join', { room: 'lobby', since: { epoch: 'e', offset: -1 } }, 'since.offset: expected an integer'],
    ['room:join', { room: 'lobby', events: ['a', 5] }, 'events[1]: expected a string'],
    ['room:leave', 5, 'payload: expected an object'],
    ['room:history', { room: 'lobby', epoch: 'e', after: 1.5 }, 'after: expected an integer'],
  ]) {
    test(`${event} ${JSON.stringify(payload)}`, async (t) => {
      const socket = await signedIn(t, server, 'anna')
      const { ok, error } = await ask(socket, event, payload)
      assert.equal(ok, false)
      assert.deepEqual({ code: error.code, message: error.message }, { code: 'INVALID_PAYLOAD', message })
      assert.equal((await settled(socket)).ok, true)
    })
  }

  for (const room of ['', 'project:', 'x'.repeat(300), 'a\u0000b']) {
    test(`no room: ${JSON.stringify(room.slice(0, 20))}`, async (t) => {
      const socket = await signedIn(t, server, 'anna')
      assert.equal((await ask(socket, 'room:join', room)).error.code, 'INVALID_PAYLOAD')
    })
  }
})

test('fields that nobody knows are ignored', async (t) => {
  const project = await createProject(server, 'anna')
  const { frame, send } = await raw(t, server, 'anna')
  send(`427["join-project",{"projectId":"${project.id}","__proto__":{"token":5},"constructor":1,"more":[null]}]`)
  assert.match(await frame('437'), /"ok":true/)
})

for (const transport of ['websocket', 'polling']) {
  test(`2 MB are refused over ${transport}, and the connection lives on`, async (t) => {
    const socket = await signedIn(t, server, 'anna', { transports: [transport] })
    const { error } = await ask(socket, 'join-project', { projectId: 'x'.repeat(2_000_000) })
    assert.equal(error.code, 'PAYLOAD_TOO_LARGE')
    assert.equal((await settled(socket)).ok, true)
  })
}

test('10,000 unknown events are refused one by one', async (t) => {
  const socket = await signedIn(t, server, 'anna')
  for (let thousand = 0; thousand < 10; thousand++) {
    const answers = await Promise.all(
      Array.from({ length: 1000 }, (_, n) => ask(socket, `nothing-${thousand}-${n}`, { n })),
    )
    assert.ok(answers.every(({ error }) => error?.code === 'UNKNOWN_EVENT'))
  }
  assert.equal((await settled(socket)).ok, true)
})

test('10,000 unknown events without acknowledgement are no end either', async (t) => {
  const socket = await signedIn(t, server, 'anna')
  const seen = record(socket)
  for (let n = 0; n < 10_000; n++) socket.emit('nothing', { n })
  assert.equal((await settled(socket)).ok, true)
  assert.ok(seen.every(([name, { code }]) => name !== 'error' || ['UNKNOWN_EVENT', 'RATE_LIMIT_EXCEEDED'].includes(code)))
})

test('of 300 rooms a connection gets into 256', async (t) => {
  const socket = await signedIn(t, server, 'anna')
  const answers = await Promise.all(Array.from({ length: 300 }, (_, n) => ask(socket, 'room:join', `room-${n}`)))
  const joined = answers.filter(({ ok }) => ok)
  // Its user's own comes on top of that.
  assert.equal(joined.length, 256)
  assert.ok(answers.filter(({ ok }) => !ok).every(({ error }) => error.code === 'TOO_MANY_ROOMS'))
  await ask(socket, 'room:leave', 'room-0')
  assert.equal((await ask(socket, 'room:join', 'another')).ok, true)
})

test('past the rate limit events are refused until the window has passed', async (t) => {
  const strict = await startServer({ env: { RATE_LIMIT_MAX: '20', RATE_LIMIT_WINDOW: '60s' } })
  t.after(() => strict.stop())
  const [one, two] = [await signedIn(t, strict, 'anna'), await signedIn(t, strict, 'anna')]
  const sockets = [one, two]
  const answers = await Promise.all(Array.from({ length: 40 }, (_, n) => ask(sockets[n % 2], 'room:join', 'lobby')))
  const refused = answers.filter(({ ok }) => !ok)
  assert.equal(refused.length, 20)
  for (const { error } of refused) {
    assert.equal(error.code, 'RATE_LIMIT_EXCEEDED')
    assert.ok(error.retryAfterMs > 0 && error.retryAfterMs <= 60_000, `${error.retryAfterMs} ms`)
  }
  // Neither pings nor another user are counted in.
  assert.equal((await settled(one)).ok, true)
  const ben = await signedIn(t, strict, 'ben')
  assert.equal((await ask(ben, 'room:join', 'lobby')).ok, true)
})

test('the server\'s memory stays where it was', async (t) => {
  const abuse = async () => {
    const socket = await signedIn(t, server, 'mallory')
    const large = { projectId: 'x'.repeat(2_000_000) }
    for (let n = 0; n < 10; n++) await ask(socket, 'join-project', large)
    await Promise.all(Array.from({ length: 2000 }, (_, n) => ask(socket, `nothing-${n}`, {})))
    await Promise.all(Array.from({ length: 300 }, (_, n) => ask(socket, 'room:join', `room-${n}`)))
    socket.disconnect()
  }
  await abuse()
  await abuse()
  const before = server.memory()
  for (let round = 0; round < 6; round++) await abuse()
  const grown = server.memory() - before
  assert.ok(grown < 24 * MIB, `grown by ${(grown / MIB).toFixed(1)} MiB`)
})
