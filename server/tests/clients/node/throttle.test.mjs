// How many connections an address may open in a second, behind proxies too (wire.md, section 7).
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { WebSocket } from 'ws'
import { refusals, token } from './api.mjs'
import { WAIT_MS, next, open, signedIn } from './client.mjs'
import { startServer } from './server.mjs'

/** Begins an Engine.IO session by long polling. */
const handshake = (server, headers = {}) =>
  fetch(`${server.url}/socket.io/?EIO=4&transport=polling`, { headers })

/**
 * What becomes of many handshakes at once, and how many more than `limit` could pass meanwhile. Further ones follow until
 * they are `enough`: on a slow machine the first may all be served.
 */
async function rush(server, count, limit, headers = () => ({}), enough = () => true) {
  const began = performance.now()
  const answers = []
  do answers.push(...(await Promise.all(Array.from({ length: count }, (_, n) => handshake(server, headers(n))))))
  while (!enough(answers) && performance.now() - began < WAIT_MS)
  const refilled = Math.ceil(((performance.now() - began) / 1000) * limit)
  const served = answers.filter(({ status }) => status === 200)
  const refused = answers.filter(({ status }) => status === 429)
  assert.equal(served.length + refused.length, answers.length)
  return { served: served.length, refused, refilled }
}

const someAreRefused = (answers) => answers.some(({ status }) => status === 429)

/** What `connect` gives once that is true of what came of it, as it is soon: one connection a second is served. */
async function untilRefused(connect, isRefused) {
  for (const deadline = Date.now() + WAIT_MS; ; ) {
    const connected = connect()
    if (await isRefused(connected)) return connected
    assert.ok(Date.now() < deadline, 'nobody is refused')
  }
}

const start = async (t, env) => {
  const server = await startServer({ env: { CONNECTIONS_PER_SECOND: undefined, ...env } })
  t.after(() => server.stop())
  return server
}

test('of an address 50 connections a second are served, and no more', async (t) => {
  const server = await start(t)
  const { served, refused, refilled } = await rush(server, 150, 50, undefined, someAreRefused)
  assert.ok(served >= 50 && served <= 50 + refilled, `${served} served, ${refilled} refilled`)
  assert.ok(refused.length > 0)
  for (const response of refused) {
    assert.match(response.headers.get('content-type'), /^application\/problem\+json/)
    assert.equal(response.headers.get('retry-after'), '1')
    const { code, retryAfterMs } = await response.json()
    assert.equal(code, 'CONNECTION_THROTTLED')
    assert.ok(retryAfterMs > 0 && retryAfterMs <= 1000, `${retryAfterMs} ms`)
  }
  assert.equal((await refusals(server)).CONNECTION_THROTTLED, refused.length)
  // Other calls go on.
  assert.equal((await fetch(`${server.url}/health`)).status, 200)
})

test('a page can read why it is refused', async (t) => {
  const [listed, other] = ['https://app.example.org', 'https://evil.example.org']
  const server = await start(t, { CONNECTIONS_PER_SECOND: '1', CORS_ORIGIN: listed })
  const { refused } = await rush(server, 10, 1, () => ({ origin: listed }), someAreRefused)
  assert.ok(refused.length > 0)
  for (const { headers } of refused) {
    assert.equal(headers.get('access-control-allow-origin'), listed)
    assert.equal(headers.get('access-control-allow-credentials'), 'true')
    assert.match(headers.get('vary'), /origin/)
  }
  const unlisted = await handshake(server, { origin: other })
  assert.deepEqual([unlisted.status, unlisted.headers.get('access-control-allow-origin')], [403, null])
  // Asking whether one may ask is not counted, nor does it need a session.
  for (let n = 0; n < 20; n++) {
    const headers = { origin: listed, 'access-control-request-method': 'GET', 'access-control-request-headers': 'authorization' }
    const preflight = await fetch(`${server.url}/socket.io/?EIO=4&transport=polling`, { method: 'OPTIONS', headers })
    assert.deepEqual([preflight.status, preflight.headers.get('access-control-allow-origin')], [200, listed])
  }
})

test('a websocket counts as much', async (t) => {
  const server = await start(t, { CONNECTIONS_PER_SECOND: '1' })
  const url = `${server.url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`
  const connect = () => {
    const socket = new WebSocket(url)
    t.after(() => socket.terminate())
    return new Promise((resolve, reject) => {
      socket.once('open', () => resolve('served'))
      socket.once('unexpected-response', (_, { statusCode }) => resolve(statusCode))
      socket.once('error', reject)
    })
  }
  assert.equal(await connect(), 'served')
  assert.equal(await untilRefused(connect, async (answer) => (await answer) !== 'served'), 429)
})

for (const transport of ['polling', 'websocket']) {
  test(`who is refused over ${transport} comes back by itself`, async (t) => {
    const server = await start(t, { CONNECTIONS_PER_SECOND: '1' })
    await signedIn(t, server, 'anna', { transports: [transport] })
    const connect = () => {
      const late = open(t, server, {
        auth: { token: token('ben') }, transports: [transport], reconnection: true, reconnectionDelay: 200,
      })
      return { signed: next(late, 'authenticated'), refused: next(late, 'connect_error') }
    }
    const { signed } = await untilRefused(connect, ({ signed, refused }) =>
      Promise.race([refused.then(() => true), signed.then(() => false)]))
    assert.equal((await signed)[0].userId, 'ben')
  })
}

test('a session that goes on is not counted, nor is a session that does not exist', async (t) => {
  const server = await start(t, { CONNECTIONS_PER_SECOND: '1' })
  const socket = await signedIn(t, server, 'anna', { transports: ['polling'] })
  for (let n = 0; n < 50; n++) assert.equal((await socket.emitWithAck('ping', {})).ok, true)
  const made = await fetch(`${server.url}/socket.io/?EIO=4&transport=polling&sid=made-up`)
  assert.equal(made.status, 400)
})

describe('where a request comes from', () => {
  let plain, proxied, standard
  const env = { CONNECTIONS_PER_SECOND: '1', TRUSTED_PROXIES: '127.0.0.1,10.0.0.0/8' }
  before(async () => {
    plain = await startServer({ env: { CONNECTIONS_PER_SECOND: '1' } })
    proxied = await startServer({ env })
    standard = await startServer({ env: { ...env, FORWARDED_HEADER: 'forwarded' } })
  })
  after(() => Promise.all([plain, proxied, standard].map((server) => server.stop())))

  const by = (name, value) => (n) => ({ [name]: value(n) })

  test('nobody may say for themselves', async () => {
    const { served, refilled } = await rush(plain, 20, 1, by('x-forwarded-for', (n) => `198.51.100.${n}`))
    assert.ok(served <= 1 + refilled, `${served} served`)
  })

  test('a trusted proxy says, for each of its clients', async () => {
    const { served } = await rush(proxied, 20, 1, by('x-forwarded-for', (n) => `198.51.100.${n}, 10.0.0.${n}`))
    assert.equal(served, 20)
  })

  test('what a client wrote before the proxy is not believed', async () => {
    const { served, refilled } = await rush(proxied, 20, 1, by('x-forwarded-for', (n) => `198.51.100.${n}, 203.0.113.1`))
    assert.ok(served <= 1 + refilled, `${served} served`)
    const other = await rush(proxied, 20, 1, (n) => ({ forwarded: `for=198.51.100.${n}`, 'x-forwarded-for': '203.0.113.2' }))
    assert.ok(other.served <= 1 + other.refilled, `${other.served} served`)
  })

  test('the addresses of one IPv6 network are one', async () => {
    const one = await rush(proxied, 20, 1, by('x-forwarded-for', (n) => `2001:db8:0:1::${n}`))
    assert.ok(one.served <= 1 + one.refilled, `${one.served} served`)
    const many = await rush(proxied, 20, 1, by('x-forwarded-for', (n) => `2001:db8:1:${n}::1`))
    assert.equal(many.served, 20)
  })

  test('by the other header, where that is what the proxy writes', async () => {
    const { served } = await rush(standard, 20, 1, (n) => ({
      forwarded: `for=6.6.6.6, for="[2001:db8:2:${n}::1]:4711";proto=https`, 'x-forwarded-for': '203.0.113.3',
    }))
    assert.equal(served, 20)
  })
})

test('a refused connection costs less than one that is served', async (t) => {
  /** The processor time, in ticks, that so many handshakes take. */
  const cost = async (env) => {
    const server = await start(t, env)
    await rush(server, 50, 100_000)
    const before = server.processorTicks()
    for (let round = 0; round < 60; round++) await rush(server, 50, 100_000)
    return server.processorTicks() - before
  }
  const served = await cost({ CONNECTIONS_PER_SECOND: '100000' })
  const refused = await cost({ CONNECTIONS_PER_SECOND: '1' })
  assert.ok(refused < served, `refused ${refused}, served ${served} ticks`)
})
