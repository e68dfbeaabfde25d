// The life of a connection to a server without ours.

import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import type { Client, ClientOptions } from '../../src/types.js'
import { PlainServer, clientOf, connected, is } from './plainServer.js'
import { eventually } from '../eventually.js'

let server: PlainServer
const clients: Client[] = []

const kept = (client: Client): Client => (clients.push(client), client)
const connect = async (options: ClientOptions = {}) => {
  const both = await connected(server, options)
  kept(both.client)
  return both
}

beforeEach(async () => {
  server = await new PlainServer().listen()
})

afterEach(async () => {
  for (const client of clients.splice(0)) {
    client.close()
    expect(client.stats).toEqual({ timers: 0, listeners: 0, sockets: 0, rooms: 0, pendingEmits: 0 })
  }
  await server.close()
})

it('comes back when the server drops the connection', async () => {
  const { client, socket } = await connect()
  const again = server.connection()
  const told = vi.fn()
  client.on('plain:tell', told)
  socket.conn.close()
  const anew = await again
  expect(anew.id).not.toBe(socket.id)
  expect(anew.recovered).toBe(false)
  expect(anew.handshake.auth).toEqual({ protocol: '1.0' })
  anew.emit('plain:tell', 'again')
  await eventually(() => expect(told).toHaveBeenCalledTimes(1))
  await is(client, 'connected')
  expect(server.io.engine.clientsCount).toBe(1)
})

it('comes back when the network breaks, with what was emitted meanwhile', async () => {
  const { client, socket } = await connect()
  const again = server.connection()
  const broken = new Promise<void>((resolve) => client.subscribe(() => client.state.status === 'reconnecting' && resolve()))
  ;(socket.conn.transport as unknown as { socket: { terminate(): void } }).socket.terminate()
  await broken
  const emitted = client.emit('plain:ask', 'meanwhile')
  const anew = await again
  anew.on('plain:ask', (payload, acknowledge) => acknowledge(payload))
  expect(await emitted).toBe('meanwhile')
})

it('says of an emit whose answer was lost that it is, and does not repeat it', async () => {
  const { client, socket } = await connect()
  const told = vi.fn()
  const again = server.connection()
  server.io.on('connection', (socket) => socket.on('plain:ask', told))
  socket.on('plain:ask', () => {
    told()
    socket.conn.close()
  })
  await expect(client.emit('plain:ask', 1)).rejects.toMatchObject({ code: 'CONNECTION_LOST' })
  await again
  await is(client, 'connected')
  const anew = client.emit('plain:tell', 2, { volatile: true })
  await expect(anew).resolves.toBeUndefined()
  expect(told).toHaveBeenCalledTimes(1)
})

it('comes back when the server restarts', async () => {
  const { client } = await connect()
  const { port } = server
  await server.close()
  await is(client, 'reconnecting')
  server = new PlainServer()
  const again = server.connection()
  await server.listen(port)
  await again
  await is(client, 'connected')
})

it('stays away when the server ends the connection', async () => {
  const { client, socket } = await connect()
  socket.disconnect()
  await is(client, 'closed')
  expect(client.state).toMatchObject({ reason: { code: 'DISCONNECTED' } })
  const again = server.connection()
  client.connect()
  await again
  await is(client, 'connected')
})

it('stays away when the server ends the connection and the socket', async () => {
  const { client, socket } = await connect()
  socket.disconnect(true)
  await is(client, 'closed')
  expect(client.state).toMatchObject({ reason: { code: 'DISCONNECTED' } })
})

it('tells why a middleware refuses it', async () => {
  server.io.use((socket, next) => next(socket.handshake.auth.token === 'good' ? undefined : new Error('who are you?')))
  const client = kept(clientOf(server))
  await is(client, 'closed')
  expect(client.state).toEqual({ status: 'closed', reason: { code: 'ACCESS_DENIED', message: 'who are you?' } })
  await connect({ token: () => 'good' })
})

it('is let in by another token when the first one has expired, as a middleware says it', async () => {
  server.io.use((socket, next) => next(socket.handshake.auth.token === 'fresh' ? undefined : new Error('TOKEN_EXPIRED: at noon')))
  const tokens = ['stale', 'fresh']
  await connect({ token: () => tokens.shift() })
  expect(tokens).toEqual([])
})

it('gives up a server that never lets it in, and one that is not there', async () => {
  server.io.use(() => {})
  const waiting = kept(clientOf(server, { timeout: 100, reconnection: false }))
  await is(waiting, 'closed')
  expect(waiting.state).toMatchObject({ reason: { code: 'TIMEOUT' } })
  const gone = await new PlainServer().listen()
  const { port } = gone
  await gone.close()
  const refused = kept(clientOf({ port } as PlainServer, { reconnection: false }))
  await is(refused, 'closed')
  expect(refused.state).toMatchObject({ reason: { code: 'CONNECT_FAILED' } })
})

it('can be closed at every moment', async () => {
  for (const moment of ['connecting', 'authenticating', 'connected']) {
    const client = kept(clientOf(server))
    const closed = new Promise<void>((resolve) => {
      client.subscribe(() => {
        if (client.state.status !== moment) return
        client.close()
        resolve()
      })
      if (client.state.status === moment) {
        client.close()
        resolve()
      }
    })
    await closed
    expect(client.state.status).toBe('closed')
  }
  await eventually(() => expect(server.io.engine.clientsCount).toBe(0))
})

it('can be closed while its socket is being opened', async () => {
  const client = kept(clientOf(server))
  await eventually(() => expect(client.stats.sockets).toBe(1), 0)
  expect(client.state.status).toBe('connecting')
  client.close()
})

it('leaves the server when asked to, and comes back', async () => {
  const { client, socket } = await connect()
  const left = new Promise((resolve) => socket.on('disconnect', resolve))
  client.disconnect()
  expect(await left).toBe('client namespace disconnect')
  const again = server.connection()
  client.connect()
  await again
  await is(client, 'connected')
})

it('knows of no other namespaces: what a server tells in one reaches nobody', async () => {
  const admin = vi.fn()
  server.io.of('/admin').on('connection', admin)
  const { client } = await connect()
  const told = vi.fn()
  client.on('plain:tell', told)
  server.io.of('/admin').emit('plain:tell', 'secret')
  server.io.emit('plain:tell', 'open')
  await eventually(() => expect(told).toHaveBeenCalled())
  expect(told.mock.calls.map(([payload]) => payload)).toEqual(['open'])
  expect(admin).not.toHaveBeenCalled()
})
