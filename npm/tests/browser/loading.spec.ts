// The WebAssembly comes late, or not at all.

import type { Page } from '@playwright/test'
import { expect, test } from './fixtures.js'
import { tokenOf, type RealServer } from './RealServer.js'

const WASM = '**/*.wasm'

/** Makes a client, and calls it before it can have its WebAssembly. */
async function begin(page: Page, server: RealServer): Promise<void> {
  await page.evaluate(
    ({ url, token }) => {
      window.client = window.createClient(url, { token })
      window.called = Promise.allSettled([window.client.join('room:a'), window.client.emit('ping', {})]).then((settled) =>
        settled.map((one) => (one.status === 'fulfilled' ? 'done' : one.reason.code)),
      )
    },
    { url: server.url, token: tokenOf('ada') },
  )
}

declare global {
  interface Window {
    /** What became of the first calls. */
    called: Promise<string[]>
  }
}

test('what is called before it is there waits for it', async ({ page, server }) => {
  let ask = () => {}
  let give = () => {}
  const asked = new Promise<void>((resolve) => (ask = resolve))
  const given = new Promise<void>((resolve) => (give = resolve))
  await page.route(WASM, async (route) => {
    ask()
    await given
    await route.continue()
  })
  await begin(page, server)
  await asked
  expect(await page.evaluate(() => window.client.state)).toEqual({ status: 'connecting' })
  give()
  expect(await page.evaluate(() => window.called)).toEqual(['done', 'done'])
})

const FAILURES: Record<string, (page: Page) => Promise<unknown>> = {
  'is not there': (page) => page.route(WASM, (route) => route.fulfill({ status: 404, body: 'no' })),
  'does not arrive': (page) => page.route(WASM, (route) => route.abort('connectionreset')),
  'is something else': (page) => page.route(WASM, (route) => route.fulfill({ contentType: 'application/wasm', body: '<!doctype html>' })),
  'is cut off': (page) =>
    page.route(WASM, async (route) => {
      const response = await route.fetch()
      await route.fulfill({ response, body: (await response.body()).subarray(0, 10_000) })
    }),
}

for (const [what, fail] of Object.entries(FAILURES)) {
  test(`one that ${what} is told of, and loaded when it is there`, async ({ page, server }) => {
    await fail(page)
    await begin(page, server)
    expect(await page.evaluate(() => window.called)).toEqual(['LOAD_FAILED', 'LOAD_FAILED'])
    expect(await page.evaluate(() => window.client.state)).toMatchObject({ status: 'closed', reason: { code: 'LOAD_FAILED' } })
    expect(await page.evaluate(() => window.client.stats)).toEqual({ timers: 0, listeners: 0, sockets: 0, rooms: 0, pendingEmits: 0 })

    await page.unroute(WASM)
    const room = await page.evaluate(async () => {
      // Called before the application tries again, and kept for that.
      const joined = window.client.join('room:a')
      window.client.connect()
      return (await joined).address
    })
    expect(room).toBe('room:a')
    expect(await page.evaluate(() => window.client.state.status)).toBe('connected')
  })
}

/** What the console is told of samewire. */
function warningsOf(page: Page): string[] {
  const warnings: string[] = []
  page.on('console', (message) => {
    if (message.text().startsWith('samewire:')) warnings.push(message.text())
  })
  return warnings
}

test('where the page forbids it, the console says what the page needs', async ({ page, server }) => {
  const warnings = warningsOf(page)
  await page.route('**/page/index.html', async (route) => {
    const response = await route.fetch()
    const html = await response.text()
    expect(html).toContain("'wasm-unsafe-eval'")
    await route.fulfill({ response, body: html.replace("'wasm-unsafe-eval'", '') })
  })
  await page.reload()
  await page.waitForFunction(() => 'createClient' in window)
  await begin(page, server)
  expect(await page.evaluate(() => window.called)).toEqual(['LOAD_FAILED', 'LOAD_FAILED'])
  expect(warnings).toHaveLength(1)
  expect(warnings[0]).toMatch(/^samewire: LOAD_FAILED: the WebAssembly couldn't be loaded: .*\(the page's Content-Security-Policy needs script-src 'wasm-unsafe-eval'\)$/)
})

test('where there is a page instead of it, the console says where', async ({ page, server }) => {
  const warnings = warningsOf(page)
  await page.route(WASM, (route) => route.fulfill({ contentType: 'text/html', body: '<!doctype html>' }))
  await begin(page, server)
  expect(await page.evaluate(() => window.called)).toEqual(['LOAD_FAILED', 'LOAD_FAILED'])
  expect(warnings).toEqual([expect.stringMatching(/: http:\S+\/samewire_wasm_client_bg\.wasm is not it: 200, text\/html$/)])
})

test('a server that has another name for its type does no harm', async ({ page, server }) => {
  const warnings = warningsOf(page)
  await page.route(WASM, async (route) => {
    const response = await route.fetch()
    await route.fulfill({ response, headers: { 'content-type': 'application/octet-stream' } })
  })
  await begin(page, server)
  expect(await page.evaluate(() => window.called)).toEqual(['done', 'done'])
  expect(warnings).toEqual([])
})
