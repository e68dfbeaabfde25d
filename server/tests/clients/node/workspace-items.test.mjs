// Items that several people change together (wire.md, section 12): what is stored, told, refused, and
// what a snapshot with the room's log says.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { createProject } from './api.mjs'
import { ask, next, open, record, settled, signedIn } from './client.mjs'
import { random, seedOf } from './random.mjs'
import { startServer } from './server.mjs'

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/
const settings = { env: { RATE_LIMIT_MAX: '1000000', LOG_EVENTS: '100000' } }

let server
before(async () => {
  server = await startServer(settings)
})
after(() => server.stop())

/** A client of a user, in a room. */
async function member(t, user, room) {
  const socket = await signedIn(t, server, user)
  assert.ok((await ask(socket, 'room:join', room)).ok)
  return socket
}

const update = (socket, payload, ...more) => ask(socket, 'data:update', { entity: 'task', ...payload }, ...more)

async function done(socket, payload) {
  const { ok, data, error } = await update(socket, payload)
  assert.ok(ok, JSON.stringify(error))
  return data
}

async function snapshot(socket, room, entity = 'task') {
  const { ok, data, error } = await ask(socket, 'data:snapshot', { room, entity })
  assert.ok(ok, JSON.stringify(error))
  return data
}

async function refused(socket, payload) {
  const { ok, error } = await update(socket, payload)
  assert.equal(ok, false)
  return error
}

const updates = (heard) => heard.filter(([event]) => event === 'data:update')

test('an item is created, changed and deleted, and all in the room are told', async (t) => {
  const room = 'room:garden'
  const anna = await member(t, 'anna', room)
  const ben = await member(t, 'ben', room)

  const data = { title: 'Order seeds', done: false, tags: ['garden'], weight: 1.5, nothing: null }
  let told = next(ben, 'data:update')
  const created = await done(anna, { room, action: 'create', data })
  assert.deepEqual(Object.keys(created).sort(), ['data', 'id', 'version'])
  assert.deepEqual([created.version, created.data], [1, data])
  const { id } = created
  assert.ok(typeof id === 'string' && id !== '')
  let [{ timestamp, ...payload }, meta] = await told
  assert.deepEqual(payload, { room, entity: 'task', action: 'create', id, data, version: 1, userId: 'anna' })
  assert.match(timestamp, TIME)
  assert.deepEqual(Object.keys(meta).sort(), ['epoch', 'offset', 'room'])

  told = next(anna, 'data:update')
  const changed = await done(ben, { room, action: 'update', id, data: { title: 'Sow' }, baseVersion: 1 })
  assert.deepEqual(changed, { id, version: 2, data: { title: 'Sow' } })
  const [{ timestamp: changedAt, ...change }] = await told
  assert.match(changedAt, TIME)
  assert.deepEqual(change, { room, entity: 'task', action: 'update', id, data: { title: 'Sow' }, version: 2, userId: 'ben' })
  assert.deepEqual((await snapshot(anna, room)).items, [changed])

  told = next(ben, 'data:update')
  assert.deepEqual(await done(anna, { room, action: 'delete', id }), { id, version: 3, data: null })
  const [{ action, version, data: left }] = await told
  assert.deepEqual([action, version, left], ['delete', 3, null])
  assert.deepEqual((await snapshot(anna, room)).items, [])
})

test('whoever sends a change hears of it in its place, as the others do', async (t) => {
  const anna = await member(t, 'anna', 'room:echo')
  const told = next(anna, 'data:update')
  const { id } = await done(anna, { room: 'room:echo', action: 'create', data: 1 })
  const [payload, { offset }] = await told
  assert.equal(payload.id, id)
  const { position } = await snapshot(anna, 'room:echo')
  assert.equal(position.offset, offset)
})

test('a bare name is the room of that name, as in joining', async (t) => {
  const anna = await member(t, 'anna', 'project-123')
  const { id } = await done(anna, { room: 'project-123', action: 'create', data: { title: 'New Task' } })
  assert.deepEqual((await snapshot(anna, 'room:project-123')).items.map((item) => item.id), [id])
})

test('items of another kind, or in another room, are others', async (t) => {
  const anna = await member(t, 'anna', 'room:kinds')
  await ask(anna, 'room:join', 'room:other')
  await done(anna, { room: 'room:kinds', action: 'create', id: 'a', data: 1 })
  await done(anna, { room: 'room:kinds', entity: 'note', action: 'create', id: 'a', data: 2 })
  await done(anna, { room: 'room:other', action: 'create', id: 'a', data: 3 })
  const held = async (room, entity) => (await snapshot(anna, room, entity)).items.map((item) => item.data)
  assert.deepEqual(await held('room:kinds', 'task'), [1])
  assert.deepEqual(await held('room:kinds', 'note'), [2])
  assert.deepEqual(await held('room:other', 'task'), [3])
})

test('an item that is created again counts its versions on', async (t) => {
  const room = 'room:again'
  const anna = await member(t, 'anna', room)
  assert.equal((await done(anna, { room, action: 'create', id: 'a', data: 1 })).version, 1)
  assert.equal((await done(anna, { room, action: 'delete', id: 'a' })).version, 2)
  assert.equal((await done(anna, { room, action: 'create', id: 'a', data: 2 })).version, 3)
  const late = await refused(anna, { room, action: 'update', id: 'a', data: 3, baseVersion: 1 })
  assert.equal(late.code, 'CONFLICT')
})

describe('refused, with nothing stored and nobody told, is', () => {
  const room = 'room:strict'
  const cases = {
    'a change of what another has changed: CONFLICT, with the item as it is': [
      { action: 'update', id: 'a', data: 'mine', baseVersion: 1 }, 'CONFLICT', /^the item has been changed since$/,
    ],
    'deleting what another has changed: CONFLICT': [{ action: 'delete', id: 'a', baseVersion: 1 }, 'CONFLICT'],
    'a base version that is still to come: CONFLICT': [{ action: 'update', id: 'a', data: 1, baseVersion: 9 }, 'CONFLICT'],
    'creating what there is: CONFLICT': [{ action: 'create', id: 'a', data: 'mine' }, 'CONFLICT', /^there is such an item already$/],
    'changing what there is not: NOT_FOUND': [{ action: 'update', id: 'none', data: 1 }, 'NOT_FOUND', /^no such item$/],
    'deleting what there is not: NOT_FOUND': [{ action: 'delete', id: 'none' }, 'NOT_FOUND', /^no such item$/],
    'changing what was deleted: NOT_FOUND': [{ action: 'update', id: 'gone', data: 1 }, 'NOT_FOUND', /^the item was deleted$/],
    'deleting what was deleted: NOT_FOUND': [{ action: 'delete', id: 'gone' }, 'NOT_FOUND', /^the item was deleted$/],
    'a change that names no item': [{ action: 'update', data: 1 }, 'INVALID_PAYLOAD', /^id: is missing$/],
    'deleting that names no item': [{ action: 'delete' }, 'INVALID_PAYLOAD', /^id: is missing$/],
    'an item of nothing': [{ action: 'create' }, 'INVALID_PAYLOAD', /^data: is missing$/],
    'an item of null': [{ action: 'update', id: 'a', data: null }, 'INVALID_PAYLOAD', /^data: is missing$/],
    'an item of more than 64 KiB': [{ action: 'create', data: 'x'.repeat(64 * 1024 - 1) }, 'INVALID_PAYLOAD', /^data: expected at most 65536 bytes of JSON$/],
    'another action': [{ action: 'upsert', id: 'a', data: 1 }, 'INVALID_PAYLOAD', /^action: expected one of create, update, delete$/],
    'a kind without a name': [{ entity: '', action: 'create', data: 1 }, 'INVALID_PAYLOAD', /^entity: expected 1 to 128 bytes$/],
    'a kind of too long a name': [{ entity: 'x'.repeat(129), action: 'create', data: 1 }, 'INVALID_PAYLOAD', /^entity: expected 1 to 128 bytes$/],
    'a kind with a control character': [{ entity: 'a\u0000', action: 'create', data: 1 }, 'INVALID_PAYLOAD', /^entity: expected no control characters$/],
    'an id without text': [{ action: 'create', id: '', data: 1 }, 'INVALID_PAYLOAD', /^id: expected 1 to 128 bytes$/],
    'an id that is too long': [{ action: 'create', id: 'x'.repeat(129), data: 1 }, 'INVALID_PAYLOAD', /^id: expected 1 to 128 bytes$/],
    'a version that is none': [{ action: 'update', id: 'a', data: 1, baseVersion: -1 }, 'INVALID_PAYLOAD', /^baseVersion: expected an integer$/],
  }
  before(async () => {
    const anna = await member({ after() {} }, 'anna', room)
    await done(anna, { room, action: 'create', id: 'a', data: 'first' })
    await done(anna, { room, action: 'update', id: 'a', data: 'second' })
    await done(anna, { room, action: 'create', id: 'gone', data: 1 })
    await done(anna, { room, action: 'delete', id: 'gone' })
    anna.disconnect()
  })
  for (const [name, [payload, code, message = /./]] of Object.entries(cases)) {
    test(name, async (t) => {
      const anna = await member(t, 'anna', room)
      const heard = record(anna)
      const error = await refused(anna, { room, ...payload })
      assert.equal(error.code, code)
      assert.match(error.message, message)
      const current = { id: 'a', version: 2, data: 'second' }
      assert.deepEqual(error.current, code === 'CONFLICT' ? current : undefined)
      assert.deepEqual((await snapshot(anna, room)).items, [current])
      assert.deepEqual(updates(heard), [])

      anna.emit('data:update', { room, entity: 'task', ...payload })
      const [told] = await next(anna, 'error')
      assert.deepEqual([told.code, told.event, told.error], [code, 'data:update', told.message])
      assert.deepEqual(told.current, error.current)
    })
  }

  test('more than 1 MB of items of a kind together: PAYLOAD_TOO_LARGE, until some are deleted', async (t) => {
    const room = 'room:full'
    const anna = await member(t, 'anna', room)
    const large = 'x'.repeat(60_000)
    let count = 0
    let answer
    do {
      answer = await update(anna, { room, action: 'create', id: `item-${count}`, data: large })
      if (answer.ok) count += 1
    } while (answer.ok)
    assert.equal(count, 16)
    assert.equal(answer.error.code, 'PAYLOAD_TOO_LARGE')
    assert.equal((await snapshot(anna, room)).items.length, 16)
    await done(anna, { room, entity: 'note', action: 'create', data: large })
    await done(anna, { room, action: 'update', id: 'item-0', data: 'small' })
    await done(anna, { room, action: 'create', data: large })
    assert.equal((await refused(anna, { room, action: 'create', data: large })).code, 'PAYLOAD_TOO_LARGE')
    await done(anna, { room, action: 'delete', id: 'item-1' })
    await done(anna, { room, action: 'create', data: large })
  })
})

describe('a stranger', () => {
  const calls = [
    ['data:update', (room) => ({ room, entity: 'task', action: 'create', data: 1 })],
    ['data:snapshot', (room) => ({ room, entity: 'task' })],
  ]
  for (const [event, payload] of calls) {
    test(`${event}: NOT_FOUND where somebody is not in the room, be it there or not`, async (t) => {
      const anna = await member(t, 'anna', 'room:private')
      await done(anna, { room: 'room:private', action: 'create', id: event, data: 'hers' })
      const heard = record(anna)
      const ben = await signedIn(t, server, 'ben')
      for (const room of ['room:private', 'room:nowhere']) {
        const { ok, error } = await ask(ben, event, payload(room))
        assert.deepEqual([ok, error], [false, { code: 'NOT_FOUND', message: `not in the room ${room}` }])
      }
      await settled(anna)
      assert.deepEqual(updates(heard), [])
    })

    test(`${event}: NOT_FOUND for who has left the room`, async (t) => {
      const anna = await member(t, 'anna', 'room:left')
      await ask(anna, 'room:leave', 'room:left')
      assert.equal((await ask(anna, event, payload('room:left'))).error.code, 'NOT_FOUND')
    })

    test(`${event}: ACCESS_DENIED in rooms of another kind`, async (t) => {
      const project = await createProject(server, 'anna')
      const anna = await member(t, 'anna', `project:${project.id}`)
      for (const room of [`project:${project.id}`, 'user:anna']) {
        assert.equal((await ask(anna, event, payload(room))).error.code, 'ACCESS_DENIED')
      }
    })

    test(`${event}: UNAUTHENTICATED without signing in`, async (t) => {
      const nobody = open(t, server)
      await next(nobody, 'connect')
      assert.equal((await ask(nobody, event, payload('room:garden'))).error.code, 'UNAUTHENTICATED')
    })
  }
})

test('a change that is sent again under its id is made once', async (t) => {
  const room = 'room:once'
  const anna = await member(t, 'anna', room)
  const heard = record(anna)
  const id = randomUUID()
  const send = () => update(anna, { room, action: 'create', data: 1 }, { id })
  const [first, second] = await Promise.all([send(), send()])
  assert.deepEqual(first, second)
  assert.deepEqual(await send(), first)
  const late = randomUUID()
  const conflict = () => update(anna, { room, action: 'update', id: first.data.id, data: 2, baseVersion: 7 }, { id: late })
  assert.deepEqual(await conflict(), await conflict())
  await settled(anna)
  assert.equal(updates(heard).length, 1)
  assert.equal((await snapshot(anna, room)).items.length, 1)
})

test('two who change one item at once: one is first, the other is told what there is now', async (t) => {
  const room = 'room:at-once'
  const [anna, ben] = [await member(t, 'anna', room), await member(t, 'ben', room)]
  const { id } = await done(anna, { room, action: 'create', data: { by: 'nobody' } })
  const both = [[anna, 'anna'], [ben, 'ben']]
  for (let version = 1; version <= 50; version += 1) {
    const answers = await Promise.all(
      both.map(([socket, by]) => update(socket, { room, action: 'update', id, data: { by }, baseVersion: version })),
    )
    const [won] = answers.filter(({ ok }) => ok)
    const [lost] = answers.filter(({ ok }) => !ok)
    assert.equal(won?.data.version, version + 1)
    assert.equal(lost?.error.code, 'CONFLICT')
    assert.deepEqual(lost.error.current, won.data)
  }
})

test('what was acknowledged outlives the server, to the version', async (t) => {
  const room = 'room:restart'
  const own = await startServer(settings)
  const writer = await signedIn(t, own, 'anna')
  await ask(writer, 'room:join', room)
  const acknowledged = new Map()
  let n = 0
  const busy = (async () => {
    while (writer.connected) {
      const id = `item-${n++ % 40}`
      const known = acknowledged.get(id)
      const change = known
        ? { action: 'update', data: { n }, baseVersion: known.version }
        : { action: 'create', data: { n } }
      const { ok, data, error } = await update(writer, { room, id, ...change }).catch(() => ({}))
      if (ok) acknowledged.set(id, data)
      else assert.equal(error, undefined)
    }
  })()
  while (n < 200) await settled(writer)
  await own.end('SIGKILL')
  await busy

  const again = await startServer({ ...settings, database: own.database })
  t.after(() => again.stop())
  const reader = await signedIn(t, again, 'ben')
  await ask(reader, 'room:join', room)
  const { data } = await ask(reader, 'data:snapshot', { room, entity: 'task' })
  const stored = new Map(data.items.map((item) => [item.id, item]))
  // The change that was under way when the server died may be stored without having been acknowledged.
  const ahead = [...stored.values()].filter(({ id, version }) => version !== acknowledged.get(id)?.version)
  assert.ok(ahead.length <= 1, JSON.stringify(ahead))
  for (const [id, item] of acknowledged) {
    if (!ahead.some((other) => other.id === id)) assert.deepEqual(stored.get(id), item)
    else assert.equal(stored.get(id).version, item.version + 1)
  }
  // And it goes on from there.
  const [{ id, version }] = data.items
  const next = await ask(reader, 'data:update', { room, entity: 'task', action: 'update', id, data: 1, baseVersion: version })
  assert.equal(next.data.version, version + 1)
})

/** Plays what the room's log tells onto a snapshot: by id, `{ version, data }`. */
function play({ items, position }, log) {
  const state = new Map(items.map(({ id, version, data }) => [id, { version, data }]))
  for (const [, { action, id, version, data }, { epoch, offset }] of log) {
    assert.equal(epoch, position.epoch)
    if (offset <= position.offset) continue
    const before = state.get(id)
    // Each change that is told follows on what was known: none is missing, none comes twice.
    if (action === 'create') assert.equal(before, undefined)
    else assert.equal(version, before.version + 1, `${action} of ${id}`)
    if (action === 'delete') state.delete(id)
    else state.set(id, { version, data })
  }
  return [...state].sort(([a], [b]) => (a < b ? -1 : 1))
}

test('a snapshot with the log from its position is the whole truth, at any moment, whoever writes', async (t) => {
  const chance = random(seedOf(t))
  const pick = (from) => from[Math.floor(chance() * from.length)]
  const room = 'room:truth'
  const ids = Array.from({ length: 12 }, (_, n) => `item-${n}`)
  const WRITERS = 4
  const CHANGES = 250

  const watcher = await member(t, 'watcher', room)
  const heard = record(watcher)
  /** All that the server agreed to, by id and version. */
  const agreed = new Map()
  let conflicts = 0
  let busy = WRITERS

  const writers = Array.from({ length: WRITERS }, async (_, number) => {
    const socket = await member(t, `writer-${number}`, room)
    const known = new Map()
    for (let n = 0; n < CHANGES; n += 1) {
      const id = pick(ids)
      const base = known.get(id)
      const action = pick(['create', 'update', 'update', 'update', 'delete'])
      const data = { number, n }
      const { ok, data: item, error } = await update(socket, {
        room, id, action, ...(action !== 'delete' && { data }), ...(base && chance() < 0.7 && { baseVersion: base }),
      })
      if (ok) {
        assert.deepEqual(item.data, action === 'delete' ? null : data)
        const name = `${id} ${item.version}`
        assert.ok(!agreed.has(name), `${name} was given twice`)
        agreed.set(name, { action, data: item.data })
        known.set(id, item.version)
      } else if (error.code === 'CONFLICT') {
        conflicts += 1
        assert.equal(error.current.id, id)
        assert.notEqual(error.current.version, action === 'create' ? undefined : base)
        known.set(id, error.current.version)
      } else {
        assert.equal(error.code, 'NOT_FOUND')
        known.delete(id)
      }
    }
    busy -= 1
  })
  const snapshots = []
  while (busy > 0) {
    snapshots.push(await snapshot(watcher, room))
    await ask(watcher, 'broadcast', { room, event: 'noise' })
  }
  await Promise.all(writers)
  snapshots.push(await snapshot(watcher, room))
  await settled(watcher)

  const log = updates(heard)
  const truth = play(snapshots.at(-1), log)
  assert.ok(snapshots.length > 10 && conflicts > 10, `${snapshots.length} snapshots, ${conflicts} conflicts`)
  for (const taken of snapshots) assert.deepEqual(play(taken, log), truth)
  assert.deepEqual(play({ items: [], position: { epoch: snapshots[0].position.epoch, offset: 0 } }, log), truth)
  // Everything that was agreed to was told, once, in the order of its versions, and nothing else.
  assert.equal(log.length, agreed.size)
  for (const [, { id, version, action, data }] of log) assert.deepEqual(agreed.get(`${id} ${version}`), { action, data })
})

test('nothing is lost where all add to one item by its version', async (t) => {
  const room = 'room:sum'
  const sockets = await Promise.all(['anna', 'ben', 'cleo'].map((user) => member(t, user, room)))
  let first = await done(sockets[0], { room, action: 'create', id: 'sum', data: 0 })
  await Promise.all(
    sockets.map(async (socket) => {
      let known = first
      for (let added = 0; added < 60; ) {
        const { ok, data, error } = await update(socket, {
          room, id: 'sum', action: 'update', data: known.data + 1, baseVersion: known.version,
        })
        if (ok) added += 1
        known = ok ? data : error.current
      }
    }),
  )
  const { items } = await snapshot(sockets[0], room)
  assert.deepEqual(items, [{ id: 'sum', version: 181, data: 180 }])
})
