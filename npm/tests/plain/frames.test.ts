// Frames that no server should send, through the real WebAssembly: they are told of, and hurt nothing.

import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { createClient } from '../../src/index.node.js'
import type { Client, ProtocolError } from '../../src/types.js'
import { eventually } from '../eventually.js'
import { FakeServer } from '../fakeServer.js'

const DEEP = `${'['.repeat(100_000)}${']'.repeat(100_000)}`

let server: FakeServer
let client: Client
const told = vi.fn<(error: ProtocolError) => void>()

const connected = () => eventually(() => expect(client.state.status).toBe('connected'), 1)

/** Events still come, on the connection that stands. */
async function works() {
  const heard = new Promise<unknown>((resolve) => client.on('pong', resolve))
  const pong = { timestamp: '2026-01-01T00:00:00.000Z' }
  server.event('pong', pong)
  expect(await heard).toEqual(pong)
}

beforeEach(async () => {
  server = new FakeServer()
  told.mockReset()
  client = createClient('http://localhost:3000', { token: 'jwt', WebSocket: server.WebSocket, autoConnect: true, reconnectionDelay: 1 })
  client.on('protocol-error', told)
  await connected()
})

afterEach(() => {
  client.close()
  expect(client.stats).toEqual({ timers: 0, listeners: 0, sockets: 0, rooms: 0, pendingEmits: 0 })
})

it.each([
  ['nothing', ''],
  ['half a head', '4'],
  ['an unknown type', '9'],
  ['an unknown packet', '49'],
  ['another namespace', '42/admin,["pong"]'],
  ['no JSON', '42["pong",'],
  ['no list', '42null'],
  ['an object for a list', '42{"0":"pong"}'],
  ['an empty list', '42[]'],
  ['a name that is none', '42[{"toString":1}]'],
  ['an acknowledgement without a number', '43[1]'],
  ['a number beyond all reason', '4399999999999999999999[1]'],
  ['attachments beyond all reason', '45999999999-["pong"]'],
  ['half a surrogate', '42\ud800["pong"]'],
  ['a value that goes very deep', `42["pong",${DEEP}]`],
])('%s is told of', async (_what, frame) => {
  server.socket.receive(frame)
  await eventually(() => expect(told).toHaveBeenCalledTimes(1))
  expect(server.opened).toBe(1)
  await works()
})

it.each([
  ['an answer to nothing', '4399[1]'],
  ['a second handshake', '0{"sid":"t"}'],
  ['being let in twice', '40{"sid":"y"}'],
  ['an unknown event', '42["__proto__",{"__proto__":{"polluted":true}}]'],
  ['a place that is none', '42["unknown",1,{"room":1,"epoch":null,"offset":-1}]'],
  ['no attachments after all', '450-["unknown"]'],
])('%s is passed over', async (_what, frame) => {
  server.socket.receive(frame)
  await works()
  expect(told).not.toHaveBeenCalled()
  expect(server.opened).toBe(1)
  expect({}).not.toHaveProperty('polluted')
})

it('a binary value that belongs nowhere ends the connection, and another is made', async () => {
  server.socket.receive(new Uint8Array([1]).buffer)
  await eventually(() => expect(server.opened).toBe(2), 1)
  expect(told).toHaveBeenCalledTimes(1)
  await connected()
  await works()
})

it('a placeholder of a binary value that is not there is told of', async () => {
  server.socket.receive('451-["unknown",{"_placeholder":true,"num":"length"}]')
  server.socket.receive(new Uint8Array([1]).buffer)
  await eventually(() => expect(told).toHaveBeenCalledTimes(1))
  await works()
})
