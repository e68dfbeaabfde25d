// What other back ends may do (http.md, "For back ends").
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { ask, next, record, settled, signedIn } from './client.mjs'
import { startServer } from './server.mjs'

const KEY = 'a key for back ends'
let server
before(async () => {
  server = await startServer({ env: { PUBLISH_KEY: KEY } })
})
after(() => server.stop())

async function call(method, path, body, key = KEY) {
  const response = await fetch(server.url + path, {
    method,
    headers: { 'content-type': 'application/json', ...(key && { 'x-api-key': key }) },
    body: body && JSON.stringify(body),
  })
  return { status: response.status, body: await response.json() }
}

test('any event is published to any room', async (t) => {
  const anna = await signedIn(t, server, 'anna')
  await ask(anna, 'room:join', 'news')
  const came = next(anna, 'headline')
  const { status, body } = await call('POST', '/api/publish', {
    room: 'news',
    event: 'headline',
    data: { title: 'Rain' },
  })
  assert.equal(status, 200)
  const [payload, meta] = await came
  assert.deepEqual(payload, { title: 'Rain' })
  assert.deepEqual(meta, { room: 'room:news', ...body.positions[0] })
})

test('a known event is checked against its type, a batch before any of it is sent', async (t) => {
  const anna = await signedIn(t, server, 'anna')
  await ask(anna, 'room:join', 'checked')
  const heard = record(anna)
  const good = { room: 'checked', event: 'good', data: 1 }
  const spoilt = { room: 'user:anna', event: 'unread_count_update', data: { unreadCounts: { sms: 'two' } } }
  const { status, body } = await call('POST', '/api/publish', { batch: [good, spoilt] })
  assert.equal(status, 400)
  assert.equal(body.code, 'INVALID_PAYLOAD')
  assert.equal(body.detail, 'data.unreadCounts.sms: expected an integer')
  await settled(anna)
  assert.deepEqual(heard.filter(([event]) => event === 'good'), [])
})

test('users and rooms are told of, and a user can be logged out', async (t) => {
  const one = await signedIn(t, server, 'carla')
  const two = await signedIn(t, server, 'carla')
  await ask(one, 'room:join', 'desk')
  assert.deepEqual((await call('GET', '/api/users/carla')).body, { online: true, connections: 2 })
  const { body } = await call('GET', `/api/rooms/${encodeURIComponent('room:desk')}`)
  assert.equal(body.connections, 1)
  assert.deepEqual(body.users.map(({ userId }) => userId), ['carla'])
  assert.equal((await call('GET', '/api/rooms/nowhere')).status, 404)
  const gone = [next(one, 'disconnect'), next(two, 'disconnect')]
  assert.deepEqual((await call('POST', '/api/users/carla/disconnect')).body, { disconnected: 2 })
  await Promise.all(gone)
})

test('without the key nothing opens', async () => {
  for (const [key, status, code] of [
    [null, 401, 'UNAUTHENTICATED'],
    ['a key for back endz', 403, 'ACCESS_DENIED'],
  ]) {
    const refused = await call('GET', '/api/users/anna', undefined, key)
    assert.deepEqual([refused.status, refused.body.code], [status, code])
  }
})
