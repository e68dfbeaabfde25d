// @vitest-environment jsdom
import { render } from '@testing-library/react'
import { StrictMode } from 'react'
import { expect, test, vi } from 'vitest'
import type { Client, WebSocketConstructor } from '../types.js'
import { SamewireProvider, useAssistant, useClient, useEvent, useInbox, useLivePreview, usePresence, useRealtimeUpdates, useRoom, useStories, useTyping, useWebSocket } from './index.js'

/** Never gets an answer. */
class SilentSocket extends EventTarget {
  static open = 0
  readyState = WebSocket.CONNECTING as number

  constructor() {
    super()
    SilentSocket.open += 1
  }

  send(): void {}

  close(): void {
    if (this.readyState !== WebSocket.CLOSED) SilentSocket.open -= 1
    this.readyState = WebSocket.CLOSED
  }
}

const openSockets = (count: number) => vi.waitFor(() => expect(SilentSocket.open).toBe(count), { timeout: 30_000, interval: 1 })

test('mounting and unmounting all hooks leaves nothing behind in the client', async () => {
  const clients = new Set<Client>()
  const Everything = () => {
    clients.add(useClient())
    useWebSocket()
    useRoom('project:1')
    useLivePreview('1')
    usePresence({ roomId: 'lobby' })
    useTyping({ conversationId: '1' })
    useRealtimeUpdates({ entity: 'tasks', roomId: 'lobby' })
    useStories('1')
    useInbox()
    useAssistant('1')
    useEvent('pong', () => {})
    return null
  }
  const options = { WebSocket: SilentSocket as unknown as WebSocketConstructor }
  for (let round = 0; round < 200; round += 1) {
    const { unmount } = render(
      <SamewireProvider url="https://a.example" token="token" options={options}>
        <Everything />
      </SamewireProvider>,
      { wrapper: StrictMode },
    )
    // Every other one is gone before the connection is begun.
    if (round % 2) await openSockets(1)
    unmount()
    await openSockets(0)
  }
  expect(clients.size).toBe(200)
  for (const client of clients) {
    expect(client.stats).toEqual({ timers: 0, listeners: 0, sockets: 0, rooms: 0, pendingEmits: 0 })
  }
})
