import { test as base, expect, type Browser, type Page } from '@playwright/test'
import { DemoServer } from './DemoServer'
import { LivePreview } from './LivePreview'

interface Fixtures {
  /** A server of the test's own, which it may stop and start. */
  ownServer: DemoServer
  /** The live preview page, opened and connected. */
  preview: LivePreview
  /** Whether the browser may complain, as it does of a server that can't be reached. */
  mayComplain: boolean
}

interface WorkerFixtures {
  /** A server that tests share. */
  server: DemoServer
}

export const test = base.extend<Fixtures, WorkerFixtures>({
  mayComplain: [false, { option: true }],

  server: [
    async ({}, use) => {
      const server = await DemoServer.start()
      await use(server)
      await server.dispose()
    },
    { scope: 'worker' },
  ],

  ownServer: async ({}, use) => {
    const server = await DemoServer.start()
    await use(server)
    await server.dispose()
  },

  page: async ({ page, mayComplain }, use) => {
    const complaints = complaintsOf(page)
    await use(page)
    if (!mayComplain) expect(complaints).toEqual([])
  },

  preview: async ({ page, server }, use) => {
    await use(await LivePreview.open(page, server))
  },
})

export { expect }

/** Opens a page of the app as somebody, and waits until it is connected. */
export async function openAs(page: Page, server: DemoServer, user: string, path: string): Promise<Page> {
  await page.goto(`${server.url}?user=${user}#/${path}`)
  await expect(connectionOf(page)).toHaveText('Connected')
  return page
}

/** The same in another browser. */
export async function openBeside(browser: Browser, server: DemoServer, user: string, path: string): Promise<Page> {
  const context = await browser.newContext()
  return openAs(await context.newPage(), server, user, path)
}

/** What the page says of its connection. */
export function connectionOf(page: Page) {
  return page.getByRole('banner').getByRole('status')
}

/** Everything that stands red in the browser's console. */
function complaintsOf(page: Page): string[] {
  const complaints: string[] = []
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(String(error)))
  return complaints
}
