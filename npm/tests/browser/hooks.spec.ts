// The hooks in a page, with all that a page does to them.

import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Page } from '@playwright/test'
import react from '@vitejs/plugin-react'
import { createServer } from 'vite'
import { expect, test as base } from './fixtures.js'
import { ROWS, updateOf } from './react/updateOf.js'
import { tokenOf, type RealServer } from './RealServer.js'

/** Events a second, and for how many seconds. */
const RATE = 2_000
const SECONDS = 5
const COUNT = RATE * SECONDS
/** Events a second that are aimed at, so that what publishing takes is made up for. */
const AIM = 1.1 * RATE
/** How often they are offered where the machine was too slow to publish so many. */
const OFFERS = 3
/** Events that are published at a time where nothing paces them, and at most. */
const BATCH = 500
const LARGEST_BATCH = 1_000
/** How often somebody presses something meanwhile. */
const PRESSES = 20

interface HooksFixtures {
  /** The hooks' page, served from sources that may change. */
  sources: { folder: string; url: string }
}

const test = base.extend<HooksFixtures>({
  sources: async ({}, use) => {
    // Inside the package, so that `samewire` and React are found.
    const folder = await mkdtemp(fileURLToPath(new URL('react-', import.meta.url)))
    await cp(fileURLToPath(new URL('react', import.meta.url)), folder, { recursive: true })
    const server = await createServer({ configFile: false, root: folder, cacheDir: join(folder, '.vite'), plugins: [react()], logLevel: 'error', server: { host: '127.0.0.1', port: 0 } })
    await server.listen()
    await use({ folder, url: server.resolvedUrls!.local[0]! })
    await server.close()
    await rm(folder, { recursive: true })
  },
})

const addressOf = (site: string, page: string, server: RealServer) => `${site}?${new URLSearchParams({ page, url: server.url, token: tokenOf('ada') })}`

test('hot reloading leaves one socket, one join and no listener too many', async ({ page, server, sources }) => {
  await page.goto(addressOf(sources.url, 'hot', server))
  await expect(page.getByText('label 0: connected, joined')).toBeVisible()
  const statsOf = () => page.evaluate(() => ({ ...window.hot!.client.stats, timers: 0 }))
  const before = await statsOf()
  expect(before).toMatchObject({ sockets: 1, rooms: 1 })

  const file = join(sources.folder, 'HotPage.tsx')
  const source = await readFile(file, 'utf8')
  for (let change = 1; change <= 10; change += 1) {
    // Every fifth has another hook, which mounts the component anew.
    const further = change % 5 === 0 ? `useRoom('room:hot')\n  ` : ''
    await writeFile(file, source.replace('label 0', `label ${change}`).replace('const client = useClient()', `${further}const client = useClient()`))
    await expect(page.getByText(`label ${change}: connected, joined`)).toBeVisible()
  }
  await writeFile(file, source.replace('label 0', 'the last label'))
  await expect(page.getByText('the last label: connected, joined')).toBeVisible()
  await expect.poll(statsOf).toEqual(before)
  expect(await page.evaluate(() => window.hot!.clients.size), 'the page was never reloaded, nor the client made anew').toBe(1)
  expect(await server.connectionsIn('room:hot')).toBe(1)
})

/** The websockets of a page: how many there were, and are. */
function socketsOf(page: Page): { opened: number; open: number } {
  const sockets = { opened: 0, open: 0 }
  page.on('websocket', (socket) => {
    if (!socket.url().includes('/socket.io/')) return
    sockets.opened += 1
    sockets.open += 1
    socket.on('close', () => (sockets.open -= 1))
  })
  return sockets
}

/** How many clients of the page have anything. */
const livingClients = (page: Page) =>
  page.evaluate(() => [...window.mounts.clients].filter(({ stats }) => Object.values(stats).some((count) => count > 0)).length)

test('StrictMode, a thousand fast mounts, a second provider and other options leave one socket and one join', async ({ page, server, sources }) => {
  const sockets = socketsOf(page)
  await page.goto(addressOf(sources.url, 'mounts', server))
  await expect(page.getByText('one: connected, joined, 1')).toBeVisible()
  expect(sockets, 'mounted twice').toEqual({ opened: 1, open: 1 })
  expect(await server.connectionsIn('room:mounted')).toBe(1)

  await page.evaluate(() => window.mounts.clients.clear())
  for (let retries = 2; retries <= 50; retries += 1) await page.evaluate((retries) => window.mounts.retry(retries), retries)
  await expect(page.getByText('one: connected, joined, 50')).toBeVisible()
  expect(await page.evaluate(() => window.mounts.clients.size), 'other options make no other client').toBe(1)
  expect(sockets).toEqual({ opened: 1, open: 1 })

  await page.evaluate(() => window.mounts.show(['one', 'two']))
  await expect(page.getByText('two: connected, joined, 50')).toBeVisible()
  expect(sockets, 'one each').toEqual({ opened: 2, open: 2 })
  expect(await server.connectionsIn('room:mounted')).toBe(2)
  await page.evaluate(() => window.mounts.show(['two']))
  await expect.poll(() => server.connectionsIn('room:mounted')).toBe(1)
  await expect.poll(() => livingClients(page)).toBe(1)
  // A browser hears that one has closed after the server let it go.
  await expect.poll(() => sockets, 'the other one keeps its own').toEqual({ opened: 2, open: 1 })

  await page.evaluate(async () => {
    for (let round = 0; round < 1_000; round += 1) {
      // Some live long enough to open a socket, or to join.
      window.mounts.show([`round ${round}`])
      await new Promise((resolve) => setTimeout(resolve, round % 100 === 0 ? 50 : 0))
      window.mounts.show([])
      await new Promise((resolve) => setTimeout(resolve))
    }
    window.mounts.show(['last'])
  })
  await expect(page.getByText('last: connected, joined, 50')).toBeVisible()
  await expect.poll(() => livingClients(page)).toBe(1)
  await expect.poll(() => sockets.open).toBe(1)
  await expect.poll(() => server.connectionsIn('room:mounted')).toBe(1)
  expect(await page.evaluate(() => [...window.mounts.clients].at(-1)!.stats)).toMatchObject({ sockets: 1, rooms: 1, pendingEmits: 0 })
})

/** Feeds a list that is shown: each frame renders it once at most, and nothing is lost. How many frames there were. */
async function feed(page: Page, send: () => Promise<number>): Promise<number> {
  await expect(page.getByText('joined, 0 rows')).toBeVisible()
  const before = await page.evaluate(() => window.list.renders.length)
  await countFrames(page)
  const count = await send()
  await page.waitForFunction((count) => window.list.heard.length === count, count, { timeout: 0 })

  const { heard, heardAt, renders, frames } = await page.evaluate(() => ({ ...window.list, frames: window.frameTimes }))
  const since = renders.slice(before)
  const longest = Math.max(...frames.slice(1).map((at, index) => at - frames[index]!))
  const rate = (count * 1_000) / (heardAt.at(-1)! - heardAt[0]!)
  console.log(
    `heard ${Math.round(rate)} events a second, ${inBusiestSecond(heardAt)} in the busiest: ${since.length} renders in ${frames.length} frames, of which the longest took ${Math.round(longest)} ms`,
  )
  expect(heard, 'in order, without a gap').toEqual(Array.from({ length: count }, (_, n) => n))
  expect(new Set(since).size, 'each in a frame of its own').toBe(since.length)
  expect(since.length).toBeLessThanOrEqual(frames.length)
  for (const row of [0, 1, ROWS - 1]) await expect(page.getByRole('listitem').nth(row)).toHaveText(`row ${row}: ${count - ROWS + row}`)
  return frames.length
}

/** The most that happened within one second, of what happened at these milliseconds, in order. */
function inBusiestSecond(times: readonly number[]): number {
  let first = 0
  let most = 0
  times.forEach((at, index) => {
    while (at - times[first]! > 1_000) first += 1
    most = Math.max(most, index - first + 1)
  })
  return most
}

/** From now on the page notes when it paints. */
async function countFrames(page: Page): Promise<void> {
  await page.evaluate(() => {
    window.frameTimes = []
    const count = () => {
      window.frameTimes.push(document.timeline.currentTime as number)
      requestAnimationFrame(count)
    }
    count()
  })
}

test(`a list under ${RATE} events a second renders once a frame at most, and loses none`, async ({ page, server, sources }) => {
  await page.goto(addressOf(sources.url, 'fed', server))
  await page.evaluate(() => (window.list ??= { heard: [], heardAt: [], renders: [] }))
  await feed(page, () =>
    page.evaluate(
      async ({ count, rate }) => {
        const began = performance.now()
        // All that is due: a page that is kept waiting is given more at a time.
        for (let sent = 0; sent < count; ) {
          const due = Math.min(count, ((performance.now() - began) * rate) / 1_000)
          while (sent < due) window.feed(sent++)
          await new Promise((resolve) => setTimeout(resolve))
        }
        return count
      },
      { count: COUNT, rate: AIM },
    ),
  )
})

/** Publishes the next updates of the list, as a back end does. How many there are then. */
async function publish(server: RealServer, sent: number, count: number): Promise<number> {
  await server.publish(...Array.from({ length: count }, (_, index) => ({ room: 'room:list', event: 'data:update', data: updateOf(sent + index) })))
  return sent + count
}

/** Publishes `COUNT` updates, and more for as long as `goesOn`: all that is due each time. How many there are then, and how many a second there were. */
async function publishAtRate(server: RealServer, first: number, goesOn: () => boolean): Promise<{ sent: number; rate: number }> {
  let sent = first
  const began = performance.now()
  while (sent - first < COUNT || goesOn()) {
    const due = first + Math.floor(((performance.now() - began) * AIM) / 1_000) - sent
    if (due > 0) sent = await publish(server, sent, Math.min(due, LARGEST_BATCH))
    else await new Promise((resolve) => setTimeout(resolve, 5))
  }
  // Up to the last row, which is looked at.
  sent = await publish(server, sent, ROWS - (sent % ROWS))
  return { sent, rate: Math.round(((sent - first) * 1_000) / (performance.now() - began)) }
}

test('so does one that the real server feeds as fast as it can', async ({ page, server, sources }) => {
  await page.goto(addressOf(sources.url, 'list', server))
  await feed(page, async () => {
    let sent = 0
    while (sent < COUNT) sent = await publish(server, sent, BATCH)
    return sent
  })
})

test(`one that the real server feeds ${RATE} events a second answers whoever presses something`, async ({ page, browser, server, sources }) => {
  await page.goto(addressOf(sources.url, 'list', server))
  // What becomes of a page on this machine that has nothing to do.
  const idle = await (await browser.newContext()).newPage()
  await idle.goto(addressOf(sources.url, 'fed', server))

  let idleFrames = 0
  const frames = await feed(page, async () => {
    await countFrames(idle)
    let pressed = 0
    const presses = (async () => {
      // While rows are added the button moves away from under who presses it.
      await expect(page.getByText(`joined, ${ROWS} rows`)).toBeVisible()
      while (pressed < PRESSES) {
        await page.getByRole('button', { name: `pressed ${pressed} times` }).click()
        pressed += 1
      }
    })()
    // For as long as somebody presses, too: each press is answered in the middle of it.
    let { sent, rate } = await publishAtRate(server, 0, () => pressed < PRESSES)
    for (let offers = 1; rate < RATE && offers < OFFERS; offers += 1) {
      console.log(`published ${rate} events a second: offered again`)
      ;({ sent, rate } = await publishAtRate(server, sent, () => false))
    }
    console.log(
      rate < RATE
        ? `published ${rate} events a second, more this machine doesn't let through; what a page does with ${RATE} shows the list that is fed in the page`
        : `published ${rate} events a second`,
    )
    await presses
    idleFrames = await idle.evaluate(() => window.frameTimes.length)
    return sent
  })
  await idle.context().close()
  const waited = (await page.evaluate(() => window.waited)).sort((one, other) => one - other)
  console.log(
    `${waited.length} presses, painted after ${Math.round(waited[PRESSES / 2]!)} ms, at most ${Math.round(waited.at(-1)!)} ms; ${frames} frames beside ${idleFrames} of an idle page`,
  )
  expect(waited).toHaveLength(PRESSES)
})
