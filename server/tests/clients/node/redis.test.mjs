// A server and its Redis: which one, whether it is there, and what becomes of the server when it isn't
// (operations.md, "Backplane").
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { call, token } from './api.mjs'
import { open, settled, signedIn } from './client.mjs'
import { eventually, lastFirst, openWayToRedis, startRedis } from './redis.mjs'
import { startServer, whyNotStarted } from './server.mjs'

const start = async (t, redis, env = {}) => {
  const server = await startServer({ env: { REDIS_URL: redis.url, RUST_LOG: 'off', ...env } })
  t.after(() => server.stop())
  return server
}

/** Waits until /health says so of Redis. */
const healthOfRedis = (server, expected) =>
  eventually(`/health says ${expected}`, async () => {
    const { status, body } = await call(server, 'GET', '/health')
    assert.equal(status, body.services.redis === 'healthy' ? 200 : 503)
    return body.services.redis === expected
  })

test('/health says when Redis is out, sockets stay, and it heals', async (t) => {
  const ends = lastFirst(t)
  // Of one that forgot all, sockets are ended: they come back, and are told.
  const redis = await startRedis(ends, { persistent: true })
  const way = await openWayToRedis(ends, redis)
  const server = await start(ends, way)
  const socket = await signedIn(t, server, 'anna')
  await healthOfRedis(server, 'healthy')
  for (const [out, back] of [[redis.stop, redis.start], [redis.pause, redis.resume]]) {
    await out()
    await healthOfRedis(server, 'unhealthy')
    await settled(socket)
    await back()
    await healthOfRedis(server, 'healthy')
  }
  assert.ok(socket.connected)
  way.cut()
  await healthOfRedis(server, 'healthy')
})

test('a connection to Redis whose other end is gone in silence is given up', async (t) => {
  const ends = lastFirst(t)
  const way = await openWayToRedis(ends, await startRedis(ends))
  const server = await start(ends, way)
  await healthOfRedis(server, 'healthy')
  way.freeze()
  // It is away no longer than another connection takes.
  await eventually('a ping is given up', async () => (await figure(server, 'samewire_backplane_errors_total{for="ping"}')) >= 1)
  await healthOfRedis(server, 'healthy')
})

test('of those who come while Redis goes away each is turned away, and the log makes no error of it', async (t) => {
  const ends = lastFirst(t)
  const redis = await startRedis(ends, { persistent: true })
  let said = ''
  const env = { REDIS_URL: redis.url, RUST_LOG: 'info' }
  const server = await startServer({ env, log: (text) => (said += text) })
  ends.after(() => server.stop())
  // It isn't known to be away yet: they are let in, and can't join their own room.
  redis.pause()
  const turnedAway = new Set()
  for (let n = 0; n < 5; n++) {
    const socket = open(t, server, { auth: { token: token('anna') } })
    for (const end of ['connect_error', 'disconnect']) socket.once(end, () => turnedAway.add(n))
  }
  await eventually('each is turned away', () => turnedAway.size === 5)
  redis.resume()
  await healthOfRedis(server, 'healthy')
  const errors = said.split('\n').filter((line) => /"level":"ERROR"/.test(line) && !/"Redis is away"/.test(line))
  assert.deepEqual(errors, [])
})

test('a server starts without its Redis, and finds it', async (t) => {
  const ends = lastFirst(t)
  const redis = await startRedis(ends)
  await redis.stop()
  const server = await startServer({ env: { REDIS_URL: redis.url, RUST_LOG: 'off' }, healthy: false })
  ends.after(() => server.stop())
  await healthOfRedis(server, 'unhealthy')
  await redis.start()
  await healthOfRedis(server, 'healthy')
})

test('a Redis that doesn\'t let the server in stops its start, and the password is not told', async (t) => {
  const ends = lastFirst(t)
  const redis = await startRedis(ends, { password: 'swordfish' })
  const { code, said } = await whyNotStarted({ REDIS_URL: redis.url.replace('swordfish', 'sesame') })
  assert.notEqual(code, 0)
  assert.match(said, /the Redis of REDIS_URL can't be used/)
  assert.doesNotMatch(said, /sesame|swordfish/)
  await start(ends, redis)
})

test('/metrics tells how Redis does', async (t) => {
  const ends = lastFirst(t)
  const redis = await startRedis(ends)
  const server = await start(ends, redis)
  await eventually('a ping is counted', async () => (await figure(server, 'samewire_backplane_commands_total{for="ping"}')) >= 1)
  assert.ok((await figure(server, 'samewire_backplane_seconds_count')) >= 1)
  assert.equal(await figure(server, 'samewire_backplane_up'), 1)
  await redis.stop()
  await eventually('a failure is counted', async () => (await figure(server, 'samewire_backplane_errors_total{for="ping"}')) >= 1)
  assert.equal(await figure(server, 'samewire_backplane_up'), 0)
})

/** A metric of a server. */
async function figure(server, name) {
  const text = await (await fetch(`${server.url}/metrics`)).text()
  return Number(text.split('\n').find((line) => line.startsWith(`${name} `))?.split(' ')[1])
}
