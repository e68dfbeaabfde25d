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
/** Events that are published at a time. */
const BATCH = 500

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

const COUNT = RATE * SECONDS

/** Feeds a list that is shown: each frame renders it once at most, and nothing is lost. */
async function feed(page: Page, send: () => Promise<void>): Promise<void> {
  await expect(page.getByText('joined, 0 rows')).toBeVisible()
  const before = await page.evaluate(() => {
    const frames: number[] = []
    Object.assign(window, { frames })
    const count = () => {
      frames.push(document.timeline.currentTime as number)
      requestAnimationFrame(count)
    }
    count()
    return window.list.renders.length
  })
  const began = performance.now()
  await send()
  await page.waitForFunction((count) => window.list.heard.length === count, COUNT)
  const seconds = (performance.now() - began) / 1_000

  const { heard, renders, frames } = await page.evaluate(() => ({ ...window.list, frames: (window as unknown as { frames: number[] }).frames }))
  const since = renders.slice(before)
  const longest = Math.max(...frames.slice(1).map((at, index) => at - frames[index]!))
  console.log(`${Math.round(COUNT / seconds)} events a second: ${since.length} renders in ${frames.length} frames, of which the longest took ${Math.round(longest)} ms`)
  expect(heard, 'in order, without a gap').toEqual(Array.from({ length: COUNT }, (_, n) => n))
  expect(new Set(since).size, 'each in a frame of its own').toBe(since.length)
  expect(since.length).toBeLessThanOrEqual(frames.length)
  for (const row of [0, 1, ROWS - 1]) await expect(page.getByRole('listitem').nth(row)).toHaveText(`row ${row}: ${COUNT - ROWS + row}`)
}

test(`a list under ${RATE} events a second renders once a frame at most, and loses none`, async ({ page, server, sources }) => {
  await page.goto(addressOf(sources.url, 'fed', server))
  await page.evaluate(() => (window.list ??= { heard: [], renders: [] }))
  await feed(page, () =>
    page.evaluate(
      async ({ count, rate }) => {
        const began = performance.now()
        for (let sent = 0; sent < count; ) {
          const due = Math.min(count, sent + 100, ((performance.now() - began) * rate) / 1_000)
          while (sent < due) window.feed(sent++)
          await new Promise((resolve) => setTimeout(resolve))
        }
      },
      { count: COUNT, rate: RATE },
    ),
  )
})

test('so does one that the real server feeds', async ({ page, server, sources }) => {
  await page.goto(addressOf(sources.url, 'list', server))
  await feed(page, async () => {
    for (let n = 0; n < COUNT; n += BATCH) {
      await server.publish(...Array.from({ length: BATCH }, (_, index) => ({ room: 'room:list', event: 'data:update', data: updateOf(n + index) })))
    }
  })
})
