// @vitest-environment jsdom
import { render } from '@testing-library/react'
import { StrictMode } from 'react'
import { renderToString } from 'react-dom/server'
import { beforeEach, expect, test, vi } from 'vitest'
import type { ClientOptions } from '../types.js'
import { SamewireProvider } from './SamewireProvider.js'
import { asClient, FakeClient } from './testing/FakeClient.js'
import { frame, paintByHand } from './testing/renderWithClient.js'
import { useClient } from './useClient.js'
import { useConnectionState } from './useConnectionState.js'

const made: { client: FakeClient; url: string; options: ClientOptions }[] = []

vi.mock('samewire', () => ({
  createClient: (url: string, options: ClientOptions) => {
    const client = new FakeClient()
    made.push({ client, url, options })
    return client
  },
}))

paintByHand()
beforeEach(() => void made.splice(0))

function State() {
  return useConnectionState().status
}

const sent = () => made.flatMap(({ client }) => client.sent)

test('StrictMode opens one connection, unmounting closes it', async () => {
  const { unmount } = render(<SamewireProvider url="https://a.example" />, { wrapper: StrictMode })
  await frame()
  expect(sent()).toEqual(['connect'])
  unmount()
  await frame()
  expect(sent()).toEqual(['connect', 'close'])
})

test('a hundred mounts close as often as they connect', async () => {
  for (let round = 0; round < 100; round += 1) {
    const { unmount } = render(<SamewireProvider url="https://a.example" />)
    unmount()
  }
  await frame()
  expect(sent().filter((call) => call === 'connect')).toHaveLength(100)
  expect(sent().filter((call) => call === 'close')).toHaveLength(100)
})

test('a new token is taken without connecting again', async () => {
  const { rerender } = render(<SamewireProvider url="https://a.example" token="old" />)
  rerender(<SamewireProvider url="https://a.example" token={async () => 'new'} />)
  const { token } = made[0]!.options
  expect(typeof token === 'function' && (await token())).toBe('new')
  expect(made).toHaveLength(1)
})

test('another url is another client, below the same components', async () => {
  const { rerender, container } = render(<SamewireProvider url="https://a.example"><State /></SamewireProvider>)
  await frame()
  rerender(<SamewireProvider url="https://b.example"><State /></SamewireProvider>)
  await frame()
  expect(made.map(({ url, client }) => [url, ...client.sent])).toEqual([
    ['https://a.example', 'connect', 'close'],
    ['https://b.example', 'connect'],
  ])
  expect(container.textContent).toBe('connected')
})

test('a client of the application’s own is left to the application', async () => {
  const client = new FakeClient()
  const { unmount } = render(<SamewireProvider client={asClient(client)}><State /></SamewireProvider>)
  unmount()
  await frame()
  expect(client.sent).toEqual([])
})

test('on a server nothing is connected and the idle state is shown', () => {
  const html = renderToString(<SamewireProvider url="https://a.example"><State /></SamewireProvider>)
  expect(html).toBe('idle')
  expect(sent()).toEqual([])
})

test('a hook without a provider says what is missing', () => {
  const Lost = () => useClient() && null
  vi.spyOn(console, 'error').mockImplementation(() => {})
  expect(() => render(<Lost />)).toThrow('SamewireProvider')
})
