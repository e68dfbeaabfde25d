// Two guests of one café, in Chromium, against the café's own server.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect, test as base, type Page } from '@playwright/test'
import { build, preview } from 'vite'

const PAGE = fileURLToPath(new URL('..', import.meta.url))
const SERVER = process.env.CAFE_SERVER ?? fileURLToPath(new URL('../../../../target/debug/cafe-server', import.meta.url))

const test = base.extend<object, { server: string; site: string }>({
  server: [
    async ({}, use) => {
      const env = { RUST_LOG: 'error', ...process.env, JWT_SECRET: 'a secret of the tests, 32 bytes or more', PORT: '0' }
      const child = spawn(SERVER, { env, stdio: ['ignore', 'pipe', 'inherit'] })
      const ended = once(child, 'exit')
      const listening = once(createInterface({ input: child.stdout }), 'line')
      const [line] = (await Promise.race([listening, ended.then(([code]) => Promise.reject(new Error(`the server ended with ${code}`)))])) as [string]
      await use(/http:\S+/.exec(line)![0])
      child.kill()
      await ended
    },
    { scope: 'worker', timeout: 60_000 },
  ],
  site: [
    async ({ server }, use) => {
      await build({ root: PAGE, logLevel: 'error' })
      const proxy = { '/token': server, '/socket.io': { target: server, ws: true } }
      const site = await preview({ root: PAGE, preview: { host: '127.0.0.1', port: 0, proxy }, logLevel: 'error' })
      await use(site.resolvedUrls!.local[0]!)
      await site.close()
    },
    { scope: 'worker', timeout: 60_000 },
  ],
})

/** Somebody sits down. */
async function enter(page: Page, site: string, user: string): Promise<void> {
  await page.goto(`${site}?user=${user}`)
  await expect(page.getByRole('heading')).toHaveText('Café corner: joined')
}

async function order(page: Page, cups: string, drink: string): Promise<void> {
  await page.getByLabel('Cups').fill(cups)
  await page.getByLabel('Drink').selectOption(drink)
  await page.getByRole('button', { name: 'Order' }).click()
  // React sets the form back once the order is answered: what is typed before that is lost.
  await expect(page.getByLabel('Cups')).toHaveValue('1')
}

test('what one orders the other sees', async ({ page: ada, context, site }) => {
  const grace = await context.newPage()
  await enter(ada, site, 'ada')
  await enter(grace, site, 'grace')
  await order(ada, '2', 'tea')
  await order(grace, '1', 'coffee')
  for (const page of [ada, grace]) await expect(page.getByRole('listitem')).toHaveText(['ada: 2 × tea', 'grace: 1 × coffee'])
})

test('an order that is none is refused by the server, which names the field', async ({ page, site }) => {
  await enter(page, site, 'ada')
  await order(page, '300', 'tea')
  await expect(page.getByRole('alert')).toHaveText('cups: expected an integer')
  await order(page, '3', 'tea')
  await expect(page.getByRole('alert')).toBeEmpty()
  await expect(page.getByRole('listitem')).toHaveText(['ada: 3 × tea'])
})

test('one that is spoilt on its way is refused by the page, which names the field', async ({ page: ada, context, site }) => {
  const grace = await context.newPage()
  await grace.routeWebSocket(/socket\.io/, (page) => {
    const server = page.connectToServer()
    server.onMessage((message) => page.send(String(message).replace('"cups":4', '"cups":"four"')))
  })
  await enter(ada, site, 'ada')
  await enter(grace, site, 'grace')
  await order(ada, '4', 'coffee')
  await expect(grace.getByRole('alert')).toHaveText('ordered was not shown: cups: expected an integer')
  await order(ada, '5', 'coffee')
  await expect(grace.getByRole('listitem')).toHaveText(['ada: 5 × coffee'])
})
