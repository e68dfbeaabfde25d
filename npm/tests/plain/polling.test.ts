// By long polling to a server without ours: alone, and until a websocket takes over.

import type { Socket } from 'socket.io'
import { afterEach, expect, it } from 'vitest'
import type { Client, ClientOptions, WebSocketConstructor } from '../../src/types.js'
import { PlainServer, clientOf, connected, is } from './plainServer.js'
import { eventually } from '../eventually.js'

const POLLING: ClientOptions = { transports: ['polling'] }
const UPGRADING: ClientOptions = { transports: ['polling', 'websocket'] }

/** A row of this many numbers. */
const ROW = Array.from({ length: 500 }, (_, index) => index)

const servers: PlainServer[] = []
const clients: Client[] = []

async function serve(options?: ConstructorParameters<typeof PlainServer>[0], port?: number): Promise<PlainServer> {
  const server = await new PlainServer(options).listen(port)
  servers.push(server)
  return server
}

async function connect(server: PlainServer, options: ClientOptions): Promise<{ client: Client; socket: Socket }> {
  const both = await connected(server, options)
  clients.push(both.client)
  return both
}

const goesBy = (client: Client, transport: string) => eventually(() => expect(client.state).toEqual({ status: 'connected', transport }), 5)

afterEach(async () => {
  for (const client of clients.splice(0)) {
    client.close()
    expect(client.stats).toEqual({ timers: 0, listeners: 0, sockets: 0, rooms: 0, pendingEmits: 0 })
  }
  for (const server of servers.splice(0)) await server.close()
})

it('stays where no websocket is wanted, and where none is offered', async () => {
  const server = await serve()
  const alone = await connect(server, POLLING)
  const closed = await connect(await serve({ allowUpgrades: false }), UPGRADING)
  for (const { client, socket } of [alone, closed]) {
    socket.on('plain:ask', (payload, acknowledge) => acknowledge(payload))
    expect(await client.emit('plain:ask', 'hello')).toBe('hello')
    expect(client.state).toEqual({ status: 'connected', transport: 'polling' })
    expect(socket.conn.transport.name).toBe('polling')
  }
})

it('is fallen back to where the server takes no websockets', async () => {
  const { client, socket } = await connect(await serve({ transports: ['polling'] }), { transports: ['websocket', 'polling'] })
  await goesBy(client, 'polling')
  expect(socket.conn.transport.name).toBe('polling')
})

it('ends when a websocket takes over, and nothing is lost, doubled or moved by it', async () => {
  const server = await serve()
  const heard: unknown[] = []
  const asked: unknown[] = []
  server.io.on('connection', (socket) => {
    socket.on('plain:ask', (payload, acknowledge) => {
      asked.push(payload.number)
      acknowledge(payload)
    })
  })
  const { client, socket } = await connect(server, UPGRADING)
  client.on('plain:tell', (payload) => heard.push(payload))
  const answers: Promise<unknown>[] = []
  // Spread over the turns that the upgrade takes, and some after it.
  for (const number of ROW) {
    socket.emit('plain:tell', number)
    answers.push(client.emit('plain:ask', { number, bytes: new Uint8Array([number % 256]) }))
    await new Promise(setImmediate)
  }
  await goesBy(client, 'websocket')
  expect(socket.conn.transport.name).toBe('websocket')
  const answered = (await Promise.all(answers)) as { number: number; bytes: ArrayBuffer }[]
  expect(answered.map(({ number }) => number)).toEqual(ROW)
  expect(answered.map(({ bytes }) => new Uint8Array(bytes)[0])).toEqual(ROW.map((number) => number % 256))
  expect(asked).toEqual(ROW)
  await eventually(() => expect(heard.length).toBe(ROW.length))
  expect(heard).toEqual(ROW)
  expect(server.io.engine.clientsCount).toBe(1)
})

it('goes on where the websocket of an upgrade is lost, or never opens', async () => {
  class Closing {
    onclose: (() => void) | null = null
    constructor() {
      setImmediate(() => this.onclose?.())
    }
    send() {}
    close() {}
  }
  const { client, socket } = await connect(await serve(), { ...UPGRADING, WebSocket: Closing as unknown as WebSocketConstructor })
  await eventually(() => expect(client.stats.sockets).toBe(1))
  socket.on('plain:ask', (payload, acknowledge) => acknowledge(payload))
  expect(await client.emit('plain:ask', 'still here')).toBe('still here')
  expect(client.state).toEqual({ status: 'connected', transport: 'polling' })
})

it('comes back when the server drops the connection, and when it restarts', async () => {
  const server = await serve()
  const { client, socket } = await connect(server, POLLING)
  const again = server.connection()
  socket.conn.close()
  await again
  await is(client, 'connected')
  const { port } = server
  await server.close()
  await is(client, 'reconnecting')
  const anew = await serve({}, port)
  await anew.connection()
  await goesBy(client, 'polling')
})

it('is held to the size of a request: what is more goes in several', async () => {
  const { client, socket } = await connect(await serve({ maxHttpBufferSize: 20_000 }), POLLING)
  const asked: number[] = []
  socket.on('plain:ask', (text, acknowledge) => acknowledge(asked.push(text.length)))
  const sizes = [9_000, 9_000, 9_000, 19_000, 1, 15_000]
  const answers = await Promise.all(sizes.map((size) => client.emit('plain:ask', 'x'.repeat(size))))
  expect(asked).toEqual(sizes)
  expect(answers).toEqual([1, 2, 3, 4, 5, 6])
})

it('ends the session at the server when the client is closed, whatever it was at', async () => {
  const server = await serve()
  for (const options of [POLLING, UPGRADING]) {
    const { client, socket } = await connect(server, options)
    const left = new Promise((resolve) => socket.on('disconnect', resolve))
    client.close()
    await left
    await eventually(() => expect(server.io.engine.clientsCount).toBe(0))
  }
})

it('is refused as by a websocket', async () => {
  const server = await serve()
  server.io.use((_socket, next) => next(new Error('who are you?')))
  const client = clientOf(server, POLLING)
  clients.push(client)
  await is(client, 'closed')
  expect(client.state).toEqual({ status: 'closed', reason: { code: 'ACCESS_DENIED', message: 'who are you?' } })
})
