import { cleanup, renderHook } from '@testing-library/react'
import type { ReactNode } from 'react'
import { renderToString } from 'react-dom/server'
import { afterEach, expect, vi } from 'vitest'
import { createTestServer, type TestServer } from '../../testing/index.js'
import type { Client } from '../../types.js'
import { ClientContext } from '../ClientContext.js'

const servers = new Set<TestServer>()

/** Components and servers end with their test. To be called once in a test file. */
export function endWithTest(): void {
  afterEach(() => {
    cleanup()
    for (const server of servers) server.close()
    servers.clear()
    vi.useRealTimers()
  })
}

/** Waits until nothing throws. On a machine that has other things to do it may take a while. */
export function eventually<T>(look: () => T | Promise<T>): Promise<T> {
  return vi.waitFor(look, { timeout: 30_000, interval: 2 })
}

/** A server that ends with the test. */
export function testServer(): TestServer {
  const server = createTestServer()
  servers.add(server)
  return server
}

/** Renders a hook in StrictMode under a provider with a client of the test's server, and counts what was shown. */
export function renderWithServer<Result, Props>(
  hook: (props: Props) => Result,
  { server = testServer(), client = server.createClient(), initialProps }: { server?: TestServer; client?: Client; initialProps?: Props } = {},
) {
  let renders = 0
  const wrapper = ({ children }: { children: ReactNode }) => <ClientContext.Provider value={client}>{children}</ClientContext.Provider>
  const counting = (props: Props) => {
    renders += 1
    return hook(props)
  }
  const rendered = renderHook(counting, { reactStrictMode: true, wrapper, ...(initialProps !== undefined && { initialProps }) })
  const painted = async () => {
    await client.emit('ping', {})
    await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)))
  }
  const gives = (expected: object) => eventually(() => expect(rendered.result.current).toMatchObject(expected))
  return {
    ...rendered,
    server,
    client,
    /** Waits until the hook gives something that has these fields. */
    gives,
    /** How often the hook is rendered for 200 changes within one frame, each in a task of its own. */
    async rendersForBurst(change: (count: number) => void): Promise<number> {
      await painted()
      const before = renders
      vi.useFakeTimers({ toFake: ['requestAnimationFrame', 'cancelAnimationFrame', 'setTimeout', 'clearTimeout'] })
      for (let count = 1; count <= 200; count += 1) {
        change(count)
        await new Promise((resolve) => setImmediate(resolve))
      }
      vi.advanceTimersToNextFrame()
      vi.useRealTimers()
      await new Promise((resolve) => setImmediate(resolve))
      // StrictMode renders twice each time.
      return (renders - before) / 2
    },
    /** Waits until what happened would have been shown. */
    painted,
    /** How often the hook has been rendered. */
    renders: () => renders / 2,
    /** Unmounts, and sees that nothing of it stays with the client. */
    async leavesNothing(): Promise<void> {
      rendered.unmount()
      await eventually(() => expect({ ...client.stats, timers: 0 }).toEqual({ timers: 0, listeners: PAGE_LISTENERS, sockets: 1, rooms: 0, pendingEmits: 0 }))
    },
  }
}

/** Those of the page's events, which every connected client has. */
const PAGE_LISTENERS = 7

/** What a hook gives where React renders on a server. */
export function rendersOnServer<Result>(hook: () => Result): { result: Result; server: TestServer } {
  const server = testServer()
  const client = server.createClient({ autoConnect: false })
  let result: Result | undefined
  const Page = () => {
    result = hook()
    return null
  }
  renderToString(<ClientContext.Provider value={client}><Page /></ClientContext.Provider>)
  expect(client.state.status).toBe('idle')
  expect(server.connections).toBe(0)
  return { result: result as Result, server }
}
