/** Calls of the server's HTTP interface, by the client's address and token. */

import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest'
import { createClient } from '../src/index.node.js'
import { eventually } from './eventually.js'
import { FakeServer } from './fakeServer.js'

let server: Server
let address: string
/** What was called: method, path, token. */
let calls: (string | undefined)[][]
/** Tokens that are refused. */
const stale = new Set(['Bearer stale'])

beforeAll(async () => {
  server = createServer((request, response) => {
    calls.push([request.method, request.url, request.headers.authorization])
    response.statusCode = stale.has(request.headers.authorization ?? '') ? 401 : 200
    request.pipe(response)
  })
  await new Promise<void>((listening) => server.listen(0, 'localhost', listening))
  address = `http://localhost:${(server.address() as AddressInfo).port}`
})

beforeEach(() => void (calls = []))
afterEach(() => void vi.restoreAllMocks())
afterAll(() => void server.close())

it('goes to the client’s server with its token, connected or not', async () => {
  const client = createClient(address, { token: async () => 'jwt' })
  const answer = await client.fetch('/api/echo?after=1', { method: 'POST', body: '{"a":1}' })
  expect([answer.status, await answer.json()]).toEqual([200, { a: 1 }])
  expect(calls).toEqual([['POST', '/api/echo?after=1', 'Bearer jwt']])
  expect(client.state.status).toBe('idle')
})

it('reaches a server that is named by its websocket’s address', async () => {
  await createClient(address.replace('http', 'ws'), { token: 'jwt' }).fetch('/a')
  expect(calls).toEqual([['GET', '/a', 'Bearer jwt']])
})

it('brings no token where there is none', async () => {
  await createClient(address).fetch('/a', { headers: { 'X-Other': 'kept' } })
  expect(calls).toEqual([['GET', '/a', undefined]])
})

it('asks for a token once, and again when it is refused', async () => {
  const token = vi.fn<() => string>().mockReturnValueOnce('stale').mockReturnValue('fresh')
  const client = createClient(address, { token })
  expect((await client.fetch('/a')).status).toBe(200)
  expect((await client.fetch('/b')).status).toBe(200)
  expect(calls).toEqual([['GET', '/a', 'Bearer stale'], ['GET', '/a', 'Bearer fresh'], ['GET', '/b', 'Bearer fresh']])
  expect(token).toHaveBeenCalledTimes(2)
})

it('asks for one token for calls and the connection at the same time', async () => {
  let give: (token: string) => void = () => {}
  const token = vi.fn(() => new Promise<string>((resolve) => (give = resolve)))
  const { WebSocket, handshakes } = new FakeServer()
  const client = createClient(address, { token, WebSocket })
  const answers = Promise.all([client.fetch('/a'), client.fetch('/b')])
  client.connect()
  await eventually(() => expect(client.state.status).toBe('authenticating'))
  expect(token).toHaveBeenCalledTimes(1)
  give('shared')
  await answers
  expect(calls.map(([, , token]) => token)).toEqual(['Bearer shared', 'Bearer shared'])
  await eventually(() => expect(handshakes).toMatchObject([{ token: 'shared' }]))
  client.close()
})

it('asks once for all calls whose token is refused', async () => {
  const token = vi.fn<() => Promise<string>>().mockResolvedValueOnce('stale').mockResolvedValue('fresh')
  const client = createClient(address, { token })
  const answers = await Promise.all(['/a', '/b', '/c'].map((path) => client.fetch(path)))
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200])
  expect(token).toHaveBeenCalledTimes(2)
})

it('asks anew after that failed', async () => {
  const token = vi.fn<() => Promise<string>>().mockRejectedValueOnce(new Error('offline')).mockResolvedValue('fresh')
  const client = createClient(address, { token })
  await expect(client.fetch('/a')).rejects.toThrow('offline')
  expect((await client.fetch('/a')).status).toBe(200)
})

it('gives a token that was asked for before it was closed to nobody after', async () => {
  const gives: ((token: string) => void)[] = []
  const client = createClient(address, { token: () => new Promise<string>((resolve) => gives.push(resolve)) })
  const before = client.fetch('/before')
  client.close()
  const after = client.fetch('/after')
  gives[1]!('of grace')
  await after
  gives[0]!('of ada')
  await before
  await client.fetch('/later')
  expect(calls.find(([, path]) => path === '/after')).toContain('Bearer of grace')
  expect(calls.find(([, path]) => path === '/later')).toContain('Bearer of grace')
})

it('gives a refusal as it is where no other token is to be had', async () => {
  expect((await createClient(address, { token: 'stale' }).fetch('/a')).status).toBe(401)
  expect(calls).toHaveLength(1)
})

it.each(['https://evil.example/a', '//evil.example/a', 'http://localhost:1/a'])('brings the token to no other server: %s', async (url) => {
  const client = createClient(address, { token: 'jwt', fetch: () => Promise.reject(new Error('must not be called')) })
  await expect(client.fetch(url)).rejects.toThrow(TypeError)
  await expect(client.fetch(url)).rejects.toThrow(/^path: .* is another server than/)
})

it('is made by the fetch that it is given', async () => {
  const fetch = vi.fn(async () => new Response('mine'))
  const answer = await createClient(address, { fetch }).fetch('/a')
  expect(await answer.text()).toBe('mine')
  expect(calls).toEqual([])
})
