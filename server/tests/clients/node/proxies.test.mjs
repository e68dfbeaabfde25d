// The configurations of deploy/ for nginx and Caddy, run by the real ones in front of two servers that
// know nothing of each other: whoever is sent to the wrong one is lost at once.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Agent, request } from 'node:https'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { createClient } from 'samewire'
import { WebSocket } from 'ws'
import { call, createProject, token, upload } from './api.mjs'
import { ask, next, open } from './client.mjs'
import { deployed, startProxy } from './proxy.mjs'
import { helpText, startServer } from './server.mjs'

// The certificate is made for the test.
process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'
process.removeAllListeners('warning')

const WAIT_MS = 30_000
const KEY = 'a key for back ends'

/** So many addresses are all of one server's once in eight million runs. */
const ADDRESSES = 24
const addresses = Array.from({ length: ADDRESSES }, (_, n) => `127.0.${n + 1}.${7 * n + 1}`)

/** An official client at an address. */
const openAt = (t, proxy, user, localAddress, options) =>
  open(t, proxy, {
    auth: { token: token(user) }, rejectUnauthorized: false, agent: new Agent({ localAddress, keepAlive: true, rejectUnauthorized: false }), ...options,
  })

const connections = async (servers) =>
  Promise.all(servers.map(async (server) => (await call(server, 'GET', '/api/websocket/health')).body.connections))

async function until(what, holds) {
  const deadline = Date.now() + WAIT_MS
  while (!(await holds())) {
    assert.ok(Date.now() < deadline, what)
    await sleep(20)
  }
}

for (const name of ['nginx', 'caddy']) describe(name, () => {
  let servers, proxy
  const settings = { TRUSTED_PROXIES: '127.0.0.1', RATE_LIMIT_MAX: '100000', PUBLISH_KEY: KEY }
  before(async () => {
    servers = await Promise.all([1, 2].map(() => startServer({ env: settings })))
    proxy = await startProxy(name, servers)
  })
  after(async () => {
    await proxy?.stop()
    await Promise.all(servers.map((server) => server.stop()))
  })

  const quiet = () => until('all are gone', async () => (await connections(servers)).every((count) => count === 0))

  /** All stay, ask and are answered, over both servers. */
  async function converse(sockets) {
    const lost = []
    sockets.forEach((socket, n) => socket.on('disconnect', (reason) => lost.push([n, reason])))
    for (let n = 0; n < 4; n++) {
      const answers = await Promise.all(sockets.map((socket) => ask(socket, 'ping', {})))
      assert.ok(answers.every(({ ok }) => ok))
    }
    assert.deepEqual(lost, [])
    const each = await connections(servers)
    assert.ok(each.every((count) => count > 0), `one server alone has all: ${each}`)
    assert.equal(each[0] + each[1], sockets.length)
  }

  test('a session of long polling stays with its server', async (t) => {
    await quiet()
    const sockets = addresses.map((address, n) => openAt(t, proxy, `user-${n}`, address, { transports: ['polling'] }))
    await Promise.all(sockets.map((socket) => next(socket, 'authenticated')))
    await converse(sockets)
    for (const socket of sockets) socket.disconnect()
  })

  test('a session that began by polling becomes a websocket', async (t) => {
    await quiet()
    const sockets = addresses.map((address, n) => openAt(t, proxy, `user-${n}`, address))
    await Promise.all(sockets.map((socket) => once(socket.io.engine, 'upgrade')))
    assert.ok(sockets.every((socket) => socket.io.engine.transport.name === 'websocket'))
    await converse(sockets)
    for (const socket of sockets) socket.disconnect()
  })

  test('websockets are spread over all servers, from one address too', async (t) => {
    await quiet()
    const sockets = []
    for (let n = 0; n < 20; n++) {
      const socket = openAt(t, proxy, `user-${n}`, '127.0.0.1', { transports: ['websocket'] })
      await next(socket, 'authenticated')
      sockets.push(socket)
    }
    await converse(sockets)
    const [one, other] = await connections(servers)
    assert.ok(Math.min(one, other) >= 5, `${one} and ${other}`)
    for (const socket of sockets) socket.disconnect()
  })

  for (const transports of [['websocket'], ['polling']]) {
    test(`our client comes through by ${transports}`, async (t) => {
      const client = createClient(proxy.url, { WebSocket, transports, autoConnect: true, token: token('anna') })
      t.after(() => client.close())
      const room = await client.join('room:through')
      const said = new Promise((resolve) => room.on('said', resolve))
      const publish = (server) =>
        fetch(`${server.url}/api/publish`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', 'x-api-key': KEY },
          body: JSON.stringify({ room: 'room:through', event: 'said', data: { n: 1 } }),
        })
      await Promise.all(servers.map(publish))
      assert.equal((await said).n, 1)
    })
  }

  test('a message of nearly 1 MB and a recording of more come through', async (t) => {
    const socket = openAt(t, proxy, 'anna', '127.0.0.1', { transports: ['polling'] })
    await next(socket, 'authenticated')
    await ask(socket, 'room:join', 'large')
    const told = next(socket, 'broadcast')
    const { ok } = await ask(socket, 'broadcast', { room: 'large', event: 'said', data: 'x'.repeat(900_000) })
    assert.equal(ok, true)
    assert.equal((await told)[0].data.length, 900_000)
    // The stores are two, and either may be asked, where neither has more to do.
    socket.disconnect()
    await quiet()
    const project = await createProject(servers[0], 'anna')
    await until('the recording is stored', async () => {
      const { status, body } = await upload(proxy, 'anna', project, { title: 'Long', media: Buffer.alloc(5_000_000) })
      assert.ok(status === 201 || body.code === 'PROJECT_ACCESS_DENIED', `${status} ${JSON.stringify(body)}`)
      return status === 201
    })
  })

  test('what is for the operator is not for everybody', async () => {
    assert.equal((await fetch(`${proxy.url}/health`)).status, 200)
    assert.equal((await fetch(`${proxy.url}/metrics`)).status, 404)
    assert.equal((await fetch(`${proxy.url}/socket.io/?EIO=4&transport=polling&token=do-not-log`)).status, 200)
    const { status, headers } = await fetch(`${proxy.plainUrl}/health`, { redirect: 'manual' })
    assert.equal(status, 308)
    assert.match(headers.get('location'), /^https:\/\//)
    if (name === 'nginx') await until('it is logged', () => proxy.accessLog().includes('/socket.io/'))
    assert.ok(!proxy.accessLog().includes('do-not-log'))
  })

  test('a page of the very name is let in, and a strange one is not', async (t) => {
    for (const transport of ['polling', 'websocket']) {
      const from = (origin) => openAt(t, proxy, 'anna', '127.0.0.1', { transports: [transport], extraHeaders: { origin } })
      await next(from(proxy.url), 'authenticated')
      await next(from('https://evil.example.org'), 'connect_error')
    }
  })
})

for (const name of ['nginx', 'caddy']) test(`behind ${name} each client is counted by its own address`, async (t) => {
  const env = { TRUSTED_PROXIES: '127.0.0.1', CONNECTIONS_PER_SECOND: '1' }
  const servers = await Promise.all([1, 2].map(() => startServer({ env })))
  t.after(() => Promise.all(servers.map((server) => server.stop())))
  const proxy = await startProxy(name, servers)
  t.after(() => proxy.stop())
  /** The status of a handshake from an address. */
  const handshake = (localAddress, headers = {}) =>
    new Promise((resolve, reject) => {
      const url = `${proxy.url}/socket.io/?EIO=4&transport=polling`
      request(url, { localAddress, headers, rejectUnauthorized: false }, (response) => resolve(response.resume().statusCode)).on('error', reject).end()
    })
  const statuses = await Promise.all(addresses.map((address) => handshake(address)))
  assert.deepEqual(statuses, addresses.map(() => 200), 'each has its own second')
  const began = performance.now()
  const rush = await Promise.all(Array.from({ length: 30 }, (_, n) => handshake('127.0.200.1', { 'x-forwarded-for': `198.51.100.${n}` })))
  const refilled = Math.ceil((performance.now() - began) / 1000)
  const served = rush.filter((status) => status === 200).length
  assert.ok(served <= 1 + refilled, `${served} served: it was believed what it said of itself`)
  assert.equal(rush.filter((status) => status === 429).length, 30 - served)
})

test('by a cookie Caddy spreads browsers that share an address', async (t) => {
  const servers = await Promise.all([1, 2].map(() => startServer({ env: { RATE_LIMIT_MAX: '100000' } })))
  t.after(() => Promise.all(servers.map((server) => server.stop())))
  const variant = '`lb_policy cookie samewire`'
  assert.ok(deployed('Caddyfile').includes(variant))
  const proxy = await startProxy('caddy', servers, (text) => text.replace('lb_policy ip_hash', variant.replaceAll('`', '')))
  t.after(() => proxy.stop())
  const sockets = addresses.map((_, n) => openAt(t, proxy, `user-${n}`, '127.0.0.1', { transports: ['polling'], withCredentials: true }))
  await Promise.all(sockets.map((socket) => next(socket, 'authenticated')))
  for (let n = 0; n < 4; n++) await Promise.all(sockets.map((socket) => ask(socket, 'ping', {})))
  const each = await connections(servers)
  assert.ok(each.every((count) => count > 0), `one server alone has all: ${each}`)
  assert.equal(each[0] + each[1], sockets.length)
})

test('nginx waits for longer than a healthy client is silent', async () => {
  const help = await helpText()
  const seconds = (variable) => Number(new RegExp(`\\[env: ${variable}=\\]\\s+\\[default: (\\d+)s\\]`).exec(help)[1])
  const silent = seconds('PING_INTERVAL') + seconds('PING_TIMEOUT')
  for (const [, waits] of deployed('nginx.conf').matchAll(/proxy_(?:read|send)_timeout (\d+)s;/g)) assert.ok(Number(waits) > silent)
})
