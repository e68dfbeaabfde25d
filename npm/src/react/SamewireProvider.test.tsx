// @vitest-environment jsdom
import { render } from '@testing-library/react'
import { StrictMode } from 'react'
import { renderToString } from 'react-dom/server'
import { expect, test, vi } from 'vitest'
import type { Client } from '../types.js'
import { SamewireProvider } from './SamewireProvider.js'
import { endWithTest, eventually, testServer } from './testing/renderWithServer.js'
import { useClient } from './useClient.js'
import { useConnectionState } from './useConnectionState.js'
import { useRoom } from './useRoom.js'

endWithTest()

const URL = 'https://a.example'
const NOTHING = { timers: 0, listeners: 0, sockets: 0, rooms: 0, pendingEmits: 0 }

/** A server, a page for its provider, and the clients that were made. */
function scene() {
  const server = testServer()
  const clients = new Set<Client>()
  const State = () => {
    clients.add(useClient())
    return useConnectionState().status
  }
  const has = (connections: number) => eventually(() => expect(server.connections).toBe(connections))
  return { server, clients, State, has, options: server.options }
}

test('StrictMode opens one connection, unmounting closes it', async () => {
  const { clients, State, has, server, options } = scene()
  const { unmount, container } = render(<SamewireProvider url={URL} options={options}><State /></SamewireProvider>, { wrapper: StrictMode })
  await eventually(() => expect(container.textContent).toBe('connected'))
  expect(server.connections).toBe(1)
  unmount()
  await has(0)
  for (const client of clients) expect(client.stats).toEqual(NOTHING)
})

test('a thousand fast mounts leave nothing; the next one connects once', { timeout: 120_000 }, async () => {
  const { clients, State, has, options } = scene()
  const Joining = () => useRoom('project:1').status
  const page = <SamewireProvider url={URL} options={options}><State /><Joining /></SamewireProvider>
  for (let round = 0; round < 1_000; round += 1) {
    render(page).unmount()
    await Promise.resolve()
  }
  await eventually(() => {
    for (const client of clients) expect(client.stats).toEqual(NOTHING)
  })
  const { container } = render(page)
  await eventually(() => expect(container.textContent).toBe('connectedjoined'))
  await has(1)
})

test('two providers have a connection each, and each closes its own', async () => {
  const { State, has, options } = scene()
  const page = <SamewireProvider url={URL} options={options}><State /></SamewireProvider>
  const one = render(page, { wrapper: StrictMode })
  render(page, { wrapper: StrictMode })
  await has(2)
  one.unmount()
  await has(1)
})

test('other options and another token connect nothing anew; the newest token is taken when one is needed', async () => {
  const { server, clients, State, has, options } = scene()
  const tokens: string[] = []
  const token = (name: string) => async () => {
    tokens.push(name)
    return name
  }
  const page = (name: string, retries: number) => <SamewireProvider url={URL} token={token(name)} options={{ ...options, retries }}><State /></SamewireProvider>
  const { rerender } = render(page('old', 1))
  await has(1)
  for (let retries = 2; retries < 50; retries += 1) rerender(page('new', retries))
  expect(tokens).toEqual(['old'])
  server.drop()
  await eventually(() => expect(tokens).toEqual(['old', 'new']))
  await has(1)
  expect(clients.size).toBe(1)
})

test('another url is another client, below the same components', async () => {
  const { clients, State, has, options } = scene()
  const page = (url: string) => <SamewireProvider url={url} options={options}><State /></SamewireProvider>
  const { rerender, container } = render(page(URL))
  await has(1)
  rerender(page('https://b.example'))
  await eventually(() => expect(container.textContent).toBe('connected'))
  await has(1)
  const [first, second] = clients
  expect([first?.state.status, second?.state.status]).toEqual(['closed', 'connected'])
})

test('a client of the application’s own is left to the application', async () => {
  const { server, State } = scene()
  const client = server.createClient({ autoConnect: false })
  const { unmount, container } = render(<SamewireProvider client={client}><State /></SamewireProvider>)
  expect(container.textContent).toBe('idle')
  client.connect()
  await eventually(() => expect(container.textContent).toBe('connected'))
  unmount()
  expect(client.state.status).toBe('connected')
})

test('on a server nothing is connected and the idle state is shown', () => {
  const { State, server, options } = scene()
  expect(renderToString(<SamewireProvider url={URL} options={options}><State /></SamewireProvider>)).toBe('idle')
  expect(server.connections).toBe(0)
})

test('a hook without a provider says what is missing', () => {
  const Lost = () => useClient() && null
  vi.spyOn(console, 'error').mockImplementation(() => {})
  expect(() => render(<Lost />)).toThrow('SamewireProvider')
})
