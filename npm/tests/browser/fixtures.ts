import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { test as base, expect, type Page } from '@playwright/test'
import { preview } from 'vite'
import type { createClient } from '../../src/index.js'
import type { Watcher } from './watcher.js'
import { Proxy } from './Proxy.js'
import { RealServer } from './RealServer.js'

declare global {
  interface Window {
    createClient: typeof createClient
    /** How much memory the WebAssembly has. */
    wasmBytes(): Promise<number>
    /** By name. */
    watchers: Map<string, Watcher>
  }
}

interface Fixtures {
  /** Further settings of the server. */
  settings: Record<string, string>
  server: RealServer
  /** The way to the server. */
  network: Proxy
  /** The page with the built package, once its script has run. */
  page: Page
}

interface WorkerFixtures {
  /** Where the page is served, as it lies in the package's folder. */
  site: string
}

export const test = base.extend<Fixtures, WorkerFixtures>({
  site: [
    async ({}, use) => {
      const root = fileURLToPath(new URL('../..', import.meta.url))
      if (!existsSync(`${root}dist/index.js`)) throw new Error('the package is not built: cargo xtask build')
      const server = await preview({ configFile: false, root, appType: 'mpa', build: { outDir: '.' }, preview: { host: '127.0.0.1', port: 0 }, logLevel: 'error' })
      await use(`${server.resolvedUrls!.local[0]}tests/browser/page/index.html`)
      await server.close()
    },
    { scope: 'worker' },
  ],

  settings: [{}, { option: true }],

  server: async ({ settings }, use) => {
    const server = await RealServer.start(settings)
    await use(server)
    await server.dispose()
  },

  network: async ({ server }, use) => {
    const network = await Proxy.before(server.url)
    await use(network)
    await network.close()
  },

  page: async ({ page, site }, use) => {
    const errors = errorsOf(page)
    await open(page, site)
    await use(page)
    expect(errors).toEqual([])
  },
})

export { expect }

/** Opens the page with the built package, and waits until its script has run. */
export async function open(page: Page, site: string): Promise<void> {
  await page.goto(site)
  await page.waitForFunction(() => 'createClient' in window)
}

/** What nobody caught in a page; a trap of WebAssembly is among it. */
function errorsOf(page: Page): string[] {
  const errors: string[] = []
  page.on('pageerror', (error) => errors.push(error.stack ?? String(error)))
  return errors
}
