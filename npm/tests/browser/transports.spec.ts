// By which way a client goes, and what it does when there is none.

import type { Page } from '@playwright/test'
import type { ClientOptions } from '../../src/types.js'
import { expect, test } from './fixtures.js'
import type { Proxy } from './Proxy.js'
import { tokenOf, type RealServer } from './RealServer.js'
import { seenBy, watch } from './watcher.js'

const ROOM = 'room:ways'
const POLLING = /^(GET|POST) \/socket\.io\/\?EIO=4&transport=polling/m
const WEBSOCKET = /^upgrade: websocket/im
/** A websocket that takes a session over, rather than beginning one. */
const UPGRADE = /^GET \/socket\.io\/\?EIO=4&transport=websocket&sid=/

/** A client that is in the room. */
async function begin(page: Page, network: Proxy, options: ClientOptions): Promise<void> {
  await watch(page, { name: 'ada', url: network.url, token: tokenOf('ada'), room: ROOM, options: { reconnectionDelay: 50, reconnectionDelayMax: 200, ...options }, emits: { every: 1, beginning: 0 } })
}

/** Events from the server, each answered by one that comes back: both ways are open. */
async function exchange(page: Page, server: RealServer, count: number): Promise<void> {
  await server.publish(...Array.from({ length: count }, (_, n) => ({ room: ROOM, event: 'tick', data: { n } })))
  await expect.poll(async () => (await seenBy(page, 'ada')).answers.length).toBe(count)
  await expect.poll(async () => (await seenBy(page, 'ada')).events.length).toBe(2 * count)
  const { events } = await seenBy(page, 'ada')
  expect(events.map(({ offset }) => offset)).toEqual(events.map((_, index) => index + 1))
  for (const kind of ['tick', 'broadcast']) {
    expect(events.filter(({ event }) => event === kind).map(({ n }) => n)).toEqual(Array.from({ length: count }, (_, n) => n))
  }
}

const stateOf = (page: Page) => page.evaluate(() => window.watchers.get('ada')!.client.state)

test('polling alone', async ({ page, server, network }) => {
  await begin(page, network, { transports: ['polling'] })
  await exchange(page, server, 500)
  expect(await stateOf(page)).toEqual({ status: 'connected', transport: 'polling' })
  expect(network.saying(WEBSOCKET)).toEqual([])
  expect(network.saying(POLLING).length).toBeGreaterThan(0)
})

for (const [name, options] of Object.entries({ 'a websocket alone': { transports: ['websocket'] }, 'a websocket, unless it is told otherwise': {} } satisfies Record<string, ClientOptions>)) {
  test(name, async ({ page, server, network }) => {
    await begin(page, network, options)
    await exchange(page, server, 500)
    expect(await stateOf(page)).toEqual({ status: 'connected', transport: 'websocket' })
    expect(network.saying(WEBSOCKET)).toHaveLength(1)
    expect(network.saying(POLLING)).toEqual([])
  })
}

test('polling first, then the websocket that takes over', async ({ page, server, network }) => {
  await begin(page, network, { transports: ['polling', 'websocket'] })
  await expect.poll(() => stateOf(page)).toEqual({ status: 'connected', transport: 'websocket' })
  const polled = network.saying(POLLING).reduce((sum, { up, down }) => sum + up + down, 0)
  const [upgraded] = network.saying(UPGRADE)
  expect(polled).toBeGreaterThan(0)
  const before = upgraded!.down

  await exchange(page, server, 500)
  expect(network.saying(WEBSOCKET), 'one websocket, of the session that polling began').toEqual([upgraded])
  // Nothing went by polling any more; all of it came by the websocket.
  expect(network.saying(POLLING).reduce((sum, { up, down }) => sum + up + down, 0)).toBe(polled)
  expect(upgraded!.down - before).toBeGreaterThan(500 * 100)
  // The connection was there all the time.
  expect((await seenBy(page, 'ada')).states).not.toContain('reconnecting')
})

test('where websockets are blocked it goes by polling, and says so', async ({ page, server, network }) => {
  network.mischief = { refuses: (said) => WEBSOCKET.test(said) }
  await begin(page, network, {})
  await exchange(page, server, 200)
  expect(await stateOf(page)).toEqual({ status: 'connected', transport: 'polling' })
  expect(network.saying(WEBSOCKET).length).toBeGreaterThan(0)
})

for (const transports of [['websocket'], ['polling'], ['polling', 'websocket']] as const) {
  test(`a server that is killed and started again is ridden out by ${transports.join(' and ')}`, async ({ page, server, network }) => {
    await begin(page, network, { transports: [...transports] })
    const chosen = { status: 'connected', transport: transports.at(-1) }
    // One that is broken off in the middle of an upgrade is not upgraded when it comes back.
    await expect.poll(() => stateOf(page)).toEqual(chosen)
    await exchange(page, server, 20)
    await server.kill()
    await expect.poll(async () => (await stateOf(page)).status).toMatch(/reconnecting|connecting/)

    // What is emitted meanwhile waits.
    const waiting = page.evaluate(async (room) => {
      const { client } = window.watchers.get('ada')!
      const emits = Array.from({ length: 50 }, (_, n) => client.emit('broadcast', { room, event: 'echo', data: { from: 'ada', n: 100 + n } }))
      return (await Promise.all(emits)).map(({ position }) => position.offset)
    }, ROOM)
    await expect.poll(() => page.evaluate(() => window.watchers.get('ada')!.client.stats.pendingEmits)).toBe(50)
    await server.startAgain()

    // In order, each once, in a log that begins anew: which is told.
    const offsets = await waiting
    expect(offsets).toEqual(Array.from({ length: 50 }, (_, index) => index + 1))
    await expect.poll(async () => (await seenBy(page, 'ada')).events.length).toBe(40 + 50)
    const { events, told } = await seenBy(page, 'ada')
    expect(events.slice(40).map(({ n, offset }) => [n, offset])).toEqual(offsets.map((offset, index) => [100 + index, offset]))
    expect(told).toEqual(['reset'])
    await expect.poll(() => stateOf(page)).toEqual(chosen)
    // Without a reload: it is still the page that began.
    expect(new Set(events.map(({ epoch }) => epoch)).size).toBe(2)
  })
}

test.describe('where it is soon noticed', () => {
  test.use({ settings: { PING_INTERVAL: '1s', PING_TIMEOUT: '2s' } })

  test('a connection on which nothing passes any more is given up for another', async ({ page, server, network }) => {
    await begin(page, network, { transports: ['websocket'] })
    await exchange(page, server, 20)
    network.stall()
    await server.publish({ room: ROOM, event: 'tick', data: { n: 20 } })
    // A machine that is busy for seconds may seem such a connection too.
    await expect.poll(async () => (await seenBy(page, 'ada')).told).toContain('recovered')
    await expect.poll(async () => (await seenBy(page, 'ada')).answers.at(-1)?.n).toBe(20)
    await expect.poll(async () => (await seenBy(page, 'ada')).events.length).toBe(42)
    expect((await seenBy(page, 'ada')).events.map(({ offset }) => offset)).toEqual(Array.from({ length: 42 }, (_, index) => index + 1))
  })
})
