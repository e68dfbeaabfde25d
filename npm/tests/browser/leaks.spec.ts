// Nothing grows by what is begun and ended.

import type { CDPSession, Page } from '@playwright/test'
import type { Client } from '../../src/types.js'
import { expect, test } from './fixtures.js'
import { tokenOf } from './RealServer.js'

const ROUNDS = 10_000
/** So many first, twice and weighed: code is compiled by then, and buffers have grown. */
const WARM_UP = 4_000
/**
 * How much the heap may have grown after collecting, in bytes: the noise of the browser itself. The least that a round
 * could leave behind, such as a listener in a set, weighs five times as much and more.
 */
const TOLERANCE = 5 * ROUNDS

/** Bytes by which WebAssembly's memory grows. */
const WASM_PAGE = 65_536

declare global {
  interface Window {
    client: Client
  }
}

const KINDS: Record<string, (rounds: number) => Promise<void>> = {
  'subscribing and unsubscribing': async (rounds) => {
    const room = await window.client.join('room:kept')
    for (let round = 0; round < rounds; round += 1) {
      const offs = [
        window.client.on('broadcast', () => {}),
        window.client.on('session-started', () => {}, { room: `project:${round}` }),
        window.client.on('protocol-error', () => {}),
        window.client.subscribe(() => {}),
        room.on('broadcast', () => {}),
        room.on('recovered', () => {}),
        room.presence.subscribe(() => {}),
      ]
      for (const off of offs) off()
    }
    room.leave()
  },
  'joining and leaving': async (rounds) => {
    // Some at a time, and rooms that nobody was in before.
    for (let round = 0; round < rounds; round += 50) {
      const rooms = await Promise.all(Array.from({ length: 50 }, (_, index) => window.client.join(`room:${round + index}`)))
      for (const room of rooms) {
        room.on('broadcast', () => {})
        room.presence.subscribe(() => {})
        room.leave()
      }
    }
  },
  'making a client, connecting and closing it': async (rounds) => {
    class Socket {
      addEventListener() {}
      close() {}
    }
    const { port1, port2 } = new MessageChannel()
    for (let round = 0; round < rounds; round += 1) {
      const client = window.createClient('http://localhost', { WebSocket: Socket as unknown as typeof WebSocket })
      client.on('broadcast', () => {})
      client.subscribe(() => {})
      // In the next task it opens its socket.
      await new Promise((resolve) => {
        port1.onmessage = resolve
        port2.postMessage(0)
      })
      if (client.stats.sockets !== 1) throw new Error('it opened no socket')
      client.close()
    }
    port1.close()
  },
}

for (const [kind, play] of Object.entries(KINDS)) {
  test(`${ROUNDS} rounds of ${kind} leave nothing behind`, async ({ page, server }) => {
    const session = await page.context().newCDPSession(page)
    await page.evaluate(
      ({ url, token }) => {
        window.client = window.createClient(url, { token, ackTimeout: 60_000 })
      },
      { url: server.url, token: tokenOf('ada') },
    )
    await page.waitForFunction(() => window.client.state.status === 'connected')

    await page.evaluate(play, WARM_UP)
    await weigh(page, session)
    await page.evaluate(play, WARM_UP)
    let before = await weigh(page, session)
    let after = before
    // What grows once is a table of the browser's own; what leaks grows each time.
    for (let time = 0; time < 3; time += 1) {
      before = after
      await page.evaluate(play, ROUNDS)
      after = await weigh(page, session)
      console.log(`${kind}: ${after.heap - before.heap} bytes of heap more than ${before.heap} after ${ROUNDS} rounds; ${after.wasm} bytes of WebAssembly`)
      if (after.heap - before.heap < TOLERANCE) break
    }

    expect(after.stats).toEqual(before.stats)
    // It never shrinks: a moment at which more waited than ever before may have cost a page. Fourteen bytes a
    // round would cost two.
    expect(after.wasm - before.wasm).toBeLessThanOrEqual(WASM_PAGE)
    expect(after.heap - before.heap).toBeLessThan(TOLERANCE)

    const stats = await page.evaluate(() => {
      window.client.close()
      return window.client.stats
    })
    expect(stats).toEqual({ timers: 0, listeners: 0, sockets: 0, rooms: 0, pendingEmits: 0 })
  })
}

/** What the page holds, once nothing is on its way and what nobody needs is collected. */
async function weigh(page: Page, session: CDPSession) {
  // Whatever was sent before has arrived when this is answered.
  await page.evaluate(() => window.client.emit('ping', {}))
  // What nobody holds any more is let go of from time to time; at once where a client is closed.
  await page.evaluate(async () => {
    class Socket {
      addEventListener() {}
      close() {}
    }
    const passing = window.createClient('http://localhost', { WebSocket: Socket as unknown as typeof WebSocket })
    while (passing.stats.sockets === 0) await new Promise((resolve) => setTimeout(resolve))
    passing.close()
  })
  let heap = Infinity
  // What is finalized by one collection is freed by the next.
  for (let collections = 0; collections < 5; collections += 1) {
    await session.send('HeapProfiler.collectGarbage')
    heap = Math.min(heap, (await session.send('Runtime.getHeapUsage')).usedSize)
  }
  const { stats, wasm } = await page.evaluate(async () => ({ stats: window.client.stats, wasm: await window.wasmBytes() }))
  return { heap, stats, wasm }
}
