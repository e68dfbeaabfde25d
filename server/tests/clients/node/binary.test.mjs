// Binary values in broadcasts (wire.md, section 12), by either transport, by the official client and by
// ours, as they come, from the log, and in what a room's history holds.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { createClient } from 'samewire'
import { WebSocket } from 'ws'
import { token } from './api.mjs'
import { ask, next, open, record, settled, signedIn } from './client.mjs'
import { raw } from './raw-client.mjs'
import { startServer } from './server.mjs'
import { openWay } from './way.mjs'

let server
before(async () => {
  server = await startServer({ env: { RATE_LIMIT_MAX: '100000' } })
})
after(() => server.stop())

/** Bytes that no text has, one after the other, from `first` on. */
const bytes = (length, first = 250) => Uint8Array.from({ length }, (_, n) => (first + n) % 256)

/** With each binary value as an array of its bytes, whatever it came as. */
function plain(value) {
  if (value instanceof ArrayBuffer) return { bytes: [...new Uint8Array(value)] }
  if (ArrayBuffer.isView(value)) return { bytes: [...new Uint8Array(value.buffer, value.byteOffset, value.byteLength)] }
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, plain(field)]))
}

const drawing = () => ({
  title: 'Ünder 🌳', strokes: [bytes(3), { at: bytes(70_000, 7).buffer }], empty: new Uint8Array(), none: null, count: 2,
})

async function member(t, user, room, options) {
  const socket = await signedIn(t, server, user, options)
  assert.ok((await ask(socket, 'room:join', room)).ok)
  return socket
}

async function broadcast(socket, room, data, event = 'drawn') {
  const { ok, data: sent, error } = await ask(socket, 'broadcast', { room, event, data })
  assert.ok(ok, JSON.stringify(error))
  return sent.position
}

/** A client of ours, in a room. */
async function ours(t, url, user, room, options) {
  const client = createClient(url, { WebSocket, autoConnect: true, token: token(user), reconnectionDelay: 20, reconnectionDelayMax: 50, ...options })
  t.after(() => client.close())
  return { client, room: await client.join(room) }
}

const heardOf = (room, wanted) =>
  new Promise((resolve) => {
    const heard = []
    room.on('broadcast', (payload) => {
      heard.push(payload)
      if (heard.length === wanted) resolve(heard)
    })
  })

describe('binary values stand anywhere in a broadcast', () => {
  for (const from of ['websocket', 'polling']) {
    for (const to of ['websocket', 'polling']) {
      test(`from ${from} to ${to}, with the official client`, async (t) => {
        const room = `room:${from}-${to}`
        const anna = await member(t, 'anna', room, { transports: [from] })
        const ben = await member(t, 'ben', room, { transports: [to] })
        const come = next(ben, 'broadcast')
        const position = await broadcast(anna, room, drawing())
        const [{ timestamp, ...payload }, meta] = await come
        assert.ok(Date.parse(timestamp) <= Date.now())
        assert.deepEqual(plain(payload), { room, event: 'drawn', data: plain(drawing()), userId: 'anna' })
        assert.deepEqual(meta, { room, ...position })
        assert.ok(Buffer.isBuffer(payload.data.strokes[0]))
      })

      test(`from ${from} to ${to}, with ours`, async (t) => {
        const room = `room:ours-${from}-${to}`
        const anna = await ours(t, server.url, 'anna', room, { transports: [from] })
        const ben = await ours(t, server.url, 'ben', room, { transports: [to] })
        const come = heardOf(ben.room, 1)
        await anna.client.emit('broadcast', { room, event: 'drawn', data: drawing() })
        const [{ timestamp: _, ...payload }] = await come
        assert.deepEqual(plain(payload), { room, event: 'drawn', data: plain(drawing()), userId: 'anna' })
        assert.ok(payload.data.strokes[0] instanceof ArrayBuffer)
      })
    }
  }

  test('or are all of it', async (t) => {
    const [anna, ben] = [await member(t, 'anna', 'room:all'), await member(t, 'ben', 'room:all')]
    const come = next(ben, 'broadcast')
    await broadcast(anna, 'room:all', bytes(5))
    assert.deepEqual([...(await come)[0].data], [...bytes(5)])
  })

  test('in order with those that have none', async (t) => {
    const [anna, ben] = [await member(t, 'anna', 'room:order'), await member(t, 'ben', 'room:order', { transports: ['polling'] })]
    const heard = record(ben)
    const of = (n) => (n % 3 === 0 ? { n, bytes: [bytes(n % 200, n), bytes(1, n)] } : { n })
    await Promise.all(Array.from({ length: 300 }, (_, n) => broadcast(anna, 'room:order', of(n))))
    await settled(ben)
    const data = heard.filter(([event]) => event === 'broadcast').map(([, payload]) => plain(payload.data))
    assert.deepEqual(data, Array.from({ length: 300 }, (_, n) => plain(of(n))))
  })
})

describe('the log keeps them', () => {
  for (const transport of ['websocket', 'polling']) {
    test(`for the official client that joins with since, by ${transport}`, async (t) => {
      const room = `room:since-${transport}`
      const anna = await member(t, 'anna', room)
      const since = await broadcast(anna, room, 'before')
      for (const n of [1, 2, 3]) await broadcast(anna, room, { n, bytes: bytes(n * 1000, n) })
      const ben = await signedIn(t, server, 'ben', { transports: [transport] })
      const heard = record(ben)
      const { data } = await ask(ben, 'room:join', { room, since })
      assert.deepEqual([data.recovered, data.missed], [true, 3])
      while (heard.filter(([event]) => event === 'broadcast').length < 3) await settled(ben)
      const came = heard.filter(([event]) => event === 'broadcast').map(([, payload]) => plain(payload.data))
      assert.deepEqual(came, [1, 2, 3].map((n) => plain({ n, bytes: bytes(n * 1000, n) })))
    })

    test(`for ours that was cut off, by ${transport}`, async (t) => {
      const room = `room:cut-${transport}`
      const way = await openWay(server)
      t.after(() => way.close())
      const anna = await member(t, 'anna', room)
      const ben = await ours(t, way.url, 'ben', room, { transports: [transport] })
      const heard = heardOf(ben.room, 21)
      ben.room.on('reset', () => assert.fail('nothing was to be missed'))
      await broadcast(anna, room, { n: 0, bytes: bytes(10) })
      for (let n = 1; n <= 20; n += 1) {
        if (n % 5 === 0) way.kill()
        await broadcast(anna, room, { n, bytes: [bytes(n, n), bytes(2 * n, n)] })
      }
      const expected = Array.from({ length: 21 }, (_, n) => plain({ n, bytes: n === 0 ? bytes(10) : [bytes(n, n), bytes(2 * n, n)] }))
      assert.deepEqual((await heard).map(({ data }) => plain(data)), expected)
    })

    test(`for a resume in the handshake, by ${transport}`, async (t) => {
      const room = `room:resume-${transport}`
      const anna = await member(t, 'anna', room)
      const { epoch, offset } = await broadcast(anna, room, 'before')
      await broadcast(anna, room, drawing())
      const ben = open(t, server, { transports: [transport], auth: { token: token('ben'), resume: [{ room, epoch, offset }] } })
      const come = next(ben, 'broadcast')
      const [{ rooms }] = await next(ben, 'resumed')
      assert.equal(rooms[0].missed, 1)
      assert.deepEqual(plain((await come)[0].data), plain(drawing()))
    })

    test(`for room:history, by ${transport}, some at a time`, async (t) => {
      const room = `room:history-${transport}`
      const anna = await member(t, 'anna', room, { transports: [transport] })
      const { epoch, offset: first } = await broadcast(anna, room, 'before')
      const of = (n) => (n % 2 === 0 ? { n } : { n, a: [bytes(n, n)], b: bytes(1, n) })
      for (let n = 1; n <= 30; n += 1) await broadcast(anna, room, of(n))
      const all = []
      for (let after = first, complete = false; !complete; ) {
        const { ok, data } = await ask(anna, 'room:history', { room, epoch, after })
        assert.ok(ok && data.events.length > 0)
        all.push(...data.events)
        complete = data.complete
        after = data.events.at(-1).offset
      }
      assert.deepEqual(all.map(({ payload }) => plain(payload.data)), Array.from({ length: 30 }, (_, n) => plain(of(n + 1))))
      assert.deepEqual(all.map(({ offset }) => offset - first), Array.from({ length: 30 }, (_, n) => n + 1))
    })
  }
})

describe('refused is', () => {
  test('a broadcast of more than ten, which the official client would not take', async (t) => {
    const room = 'room:many'
    const [anna, ben] = [await member(t, 'anna', room), await member(t, 'ben', room)]
    const heard = record(ben)
    const some = (count) => ({ room, event: 'drawn', data: Array.from({ length: count }, () => bytes(1)) })
    const { error } = await ask(anna, 'broadcast', some(11))
    assert.deepEqual([error.code, error.message], ['INVALID_PAYLOAD', 'data: expected at most 10 binary values'])
    assert.equal((await ask(anna, 'broadcast', some(10))).ok, true)
    await settled(ben)
    assert.deepEqual(heard.filter(([event]) => event === 'broadcast').map(([, { data }]) => data.length), [10])
  })

  test('an item of a workspace that holds some: it is kept as JSON', async (t) => {
    const anna = await member(t, 'anna', 'room:items')
    const { error } = await ask(anna, 'data:update', { room: 'room:items', entity: 'task', action: 'create', data: { photo: bytes(3) } })
    assert.deepEqual([error.code, error.message], ['INVALID_PAYLOAD', 'payload: expected no binary values'])
    assert.deepEqual((await ask(anna, 'data:snapshot', { room: 'room:items', entity: 'task' })).data.items, [])
  })

  test('any other event that brings some', async (t) => {
    const anna = await member(t, 'anna', 'room:other')
    for (const [event, payload] of [['room:join', { room: 'x', extra: bytes(1) }], ['presence:update', { room: 'room:other', state: bytes(1) }]]) {
      assert.equal((await ask(anna, event, payload)).error.message, 'payload: expected no binary values')
    }
  })

  test('a placeholder for a value that is not there', async (t) => {
    const room = 'room:forged'
    const ben = await member(t, 'ben', room)
    const heard = record(ben)
    const { socket, send, frame } = await raw(t, server, 'anna')
    send(`420["room:join","${room}"]`)
    await frame('430[{"ok":true')
    let ack = 1
    for (const forged of ['{"_placeholder":true,"num":1}', '{"_placeholder":true,"num":-1}', '{"_placeholder":true}', '[{"_placeholder":true,"num":"0"}]']) {
      send(`451-${ack}["broadcast",{"room":"${room}","event":"x","data":${forged}}]`)
      socket.send(Buffer.from([1]))
      assert.match(await frame(`43${ack}[`), /INVALID_PAYLOAD.*payload: expected a binary value for each placeholder/)
      ack += 1
    }
    await settled(ben)
    assert.deepEqual(heard.filter(([event]) => event === 'broadcast'), [])
  })
})

test('text that looks like a placeholder is text, also in a history beside binary values', async (t) => {
  const room = 'room:lookalike'
  const [anna, ben] = [await member(t, 'anna', room), await member(t, 'ben', room)]
  const heard = record(ben)
  const lookalike = { _placeholder: true, num: 7 }
  const { epoch, offset } = await broadcast(anna, room, 'before')
  const sent = [{ bytes: bytes(2) }, lookalike, [lookalike], { bytes: bytes(3) }, 'plain']
  for (const data of sent) await broadcast(anna, room, data)
  await settled(ben)
  const came = heard.filter(([event]) => event === 'broadcast').map(([, { data }]) => plain(data))
  assert.deepEqual(came.slice(1), sent.map(plain))
  const past = []
  for (let after = offset, complete = false; !complete; after = past.at(-1).offset) {
    const { data } = await ask(anna, 'room:history', { room, epoch, after })
    past.push(...data.events)
    complete = data.complete
  }
  assert.deepEqual(past.map(({ payload }) => plain(payload.data)), sent.map(plain))
})

test('a binary value that is sent again under its id is not heard twice', async (t) => {
  const room = 'room:binary-once'
  const anna = await ours(t, server.url, 'anna', room)
  const heard = []
  anna.room.on('broadcast', ({ data }) => heard.push(plain(data)))
  const way = await openWay(server)
  t.after(() => way.close())
  const ben = await ours(t, way.url, 'ben', room)
  for (let n = 0; n < 20; n += 1) {
    const sent = ben.client.emit('broadcast', { room, event: 'drawn', data: bytes(4, n) })
    if (n % 4 === 3) way.kill()
    await sent
  }
  await anna.client.emit('ping', {})
  assert.deepEqual(heard, Array.from({ length: 20 }, (_, n) => plain(bytes(4, n))))
})
