/** What somebody is told who does something wrong, in development: once each, and clearly. */

import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { createClient } from '../src/index.node.js'
import { createClient as createSlimClient } from '../src/slim.js'
import type { Client, ClientOptions } from '../src/types.js'
import { eventually } from './eventually.js'
import { FakeServer } from './fakeServer.js'

/** What the console was told. */
let told: string[]
const ends: (() => void)[] = []

beforeEach(() => {
  told = []
  vi.spyOn(console, 'warn').mockImplementation((message: string) => void told.push(message))
})

afterEach(() => {
  for (const end of ends.splice(0)) end()
  vi.restoreAllMocks()
})

/** A server of something else; its address, and what it was asked. */
async function serve(listener: RequestListener): Promise<{ url: string; asked: string[] }> {
  const asked: string[] = []
  const server: Server = createServer((request, response) => {
    asked.push(request.url!)
    listener(request, response)
  })
  await new Promise<void>((listening) => server.listen(0, 'localhost', listening))
  ends.push(() => (server.closeAllConnections(), server.close()))
  return { url: `http://localhost:${(server.address() as AddressInfo).port}`, asked }
}

function connect(url: string, options: ClientOptions = {}): Client {
  const client = createClient(url, { reconnectionDelay: 10, randomizationFactor: 0, reconnectionAttempts: 3, ...options })
  ends.push(() => client.close())
  client.connect()
  return client
}

const closed = (client: Client) => eventually(() => expect(client.state.status).toBe('closed'))

it('no server: its address, when it is first missed and when it is given up', async () => {
  const { url } = await serve(() => {})
  for (const end of ends.splice(0)) end()
  await closed(connect(url))
  expect(told).toHaveLength(2)
  for (const line of told) expect(line).toMatch(`samewire: CONNECT_FAILED: no connection to ${url}: `)
})

it('a server of pages, whatever they are asked for: that it is none, and it is left in peace', async () => {
  const { url, asked } = await serve((_, response) => void response.setHeader('content-type', 'text/html').end('<!doctype html>'))
  const client = connect(url)
  await closed(client)
  expect(told[0]).toBe(`samewire: CONNECT_FAILED: no connection to ${url}: what answers there doesn't speak Socket.IO`)
  expect(client.state).toMatchObject({ reason: { message: told[0]!.split(': ').slice(2).join(': ') } })
  // Each try by websocket and by polling.
  expect(asked.length).toBeLessThanOrEqual(8)
})

it('a server that says nothing to what it is asked: the same', async () => {
  const { url, asked } = await serve((_, response) => void response.end())
  await closed(connect(url, { transports: ['polling'] }))
  expect(told[0]).toMatch(/doesn't speak Socket\.IO$/)
  expect(asked.length).toBeLessThanOrEqual(4)
})

it('another path: how it was answered', async () => {
  const { url } = await serve((_, response) => void response.writeHead(404).end())
  await closed(connect(url, { path: '/sockets/' }))
  expect(told[0]).toBe(`samewire: CONNECT_FAILED: no connection to ${url}: the server answered 404`)
})

it.each([undefined, 'localhost:3000', 'example.org/chat'])('an address without a scheme: what it is, %s', (url) => {
  expect(() => createClient(url as string)).toThrow(new TypeError(`url: expected a server's address such as https://example.org; ${url} doesn't begin with https://`))
})

it('a token function that fails: its own words', async () => {
  const token = () => Promise.reject(new Error('GET /session: 500'))
  await closed(connect('http://localhost', { token, WebSocket: new FakeServer().WebSocket }))
  expect(told[0]).toBe('samewire: TOKEN_UNAVAILABLE: GET /session: 500')
})

it('a token that is none: the server’s words', async () => {
  const server = new FakeServer()
  server.refuses = 'TOKEN_INVALID: the token is not a JWT'
  await closed(connect('http://localhost', { token: async () => '<!doctype html>', WebSocket: server.WebSocket }))
  expect(told).toEqual(['samewire: TOKEN_INVALID: the token is not a JWT'])
})

it('no token where one is needed: whoever emits is told, and when the server has waited long enough', async () => {
  const server = new FakeServer()
  server.answers.broadcast = () => ({ ok: false, error: { code: 'UNAUTHENTICATED', message: 'sign in first, by `authenticate`' } })
  const client = connect('http://localhost', { WebSocket: server.WebSocket })
  await expect(client.emit('broadcast', { room: 'room:a', event: 'said', data: 1 })).rejects.toMatchObject({ code: 'UNAUTHENTICATED' })
  server.event('auth_error', { code: 'AUTH_TIMEOUT', message: 'nobody signed in within 10s' })
  server.socket.receive('41')
  await closed(client)
  expect(told).toEqual(['samewire: AUTH_TIMEOUT: nobody signed in within 10s'])
})

it.each([
  ['a page instead of it', new Response('<!doctype html>', { headers: { 'content-type': 'text/html' } }), / is not it: 200, text\/html$/],
  ['nothing', new Response('no', { status: 404, headers: { 'content-type': 'text/plain' } }), / is not it: 404, text\/plain/],
  ['what is none', new Uint8Array([1, 2, 3]), /WebAssembly\.compile/],
])('a WebAssembly that is %s: what is there', async (_, wasm, message) => {
  const client = createSlimClient('http://localhost', { wasm, autoConnect: false })
  client.connect()
  await closed(client)
  expect(told).toHaveLength(1)
  expect(told[0]).toMatch(/^samewire: LOAD_FAILED: the WebAssembly couldn't be loaded: /)
  expect(told[0]).toMatch(message)
})

it('nothing of a connection that is lost, nor of a client that is closed', async () => {
  const server = new FakeServer()
  const client = connect('http://localhost', { token: 'jwt', WebSocket: server.WebSocket })
  await eventually(() => expect(client.state.status).toBe('connected'))
  server.socket.lose()
  await eventually(() => expect(server.opened).toBe(2))
  await eventually(() => expect(client.state.status).toBe('connected'))
  client.disconnect()
  client.connect()
  client.close()
  expect(told).toEqual([])
})

it('a logger is told instead of the console', async () => {
  const logger = { debug: vi.fn(), warn: vi.fn() }
  const { url } = await serve((_, response) => void response.writeHead(404).end())
  await closed(connect(url, { logger }))
  expect(logger.warn).toHaveBeenCalledTimes(2)
  expect(told).toEqual([])
})
