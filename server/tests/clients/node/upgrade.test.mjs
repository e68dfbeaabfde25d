// From polling to a websocket, where it goes wrong on the way.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { WebSocket } from 'ws'
import { ask, next, signedIn } from './client.mjs'
import { token } from './api.mjs'
import { pollingSession } from './raw-client.mjs'
import { startServer } from './server.mjs'

let server
before(async () => {
  server = await startServer()
})
after(() => server.stop())

/** A websocket that reaches the session, and is lost before it takes over. */
function lostUpgrade({ sid }) {
  const url = `${server.url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket&sid=${sid}`
  const websocket = new WebSocket(url)
  websocket.on('open', () => websocket.terminate())
  return new Promise((resolve) => websocket.on('close', resolve))
}

test('whoever is lost in the middle of an upgrade is not present for ever; who is upgraded, stays', async (t) => {
  const carla = await signedIn(t, server, 'carla', { transports: ['polling', 'websocket'] })
  if (carla.io.engine.transport.name !== 'websocket') await new Promise((resolve) => carla.io.engine.on('upgrade', resolve))
  const ben = await signedIn(t, server, 'ben')
  await ask(ben, 'room:join', 'tea')
  const came = next(ben, 'presence:update', ({ joined }) => joined.some(({ userId }) => userId === 'anna'))
  const session = await pollingSession(server)
  await session.post(`40${JSON.stringify({ token: token('anna') })}`)
  await session.post('420["room:join","tea"]')
  await came
  const gone = next(ben, 'presence:update', ({ left }) => left.length > 0)
  await lostUpgrade(session)
  const [{ left }] = await gone
  assert.deepEqual(left, ['anna'])
  assert.equal((await session.poll()).status, 400, 'and the session is over')
  assert.equal((await ask(carla, 'ping', {})).ok, true)
})
