import { test as base, expect, type BrowserContext, type BrowserContextOptions, type Page } from '@playwright/test'
import { DemoServer } from './DemoServer'
import { LivePreview } from './LivePreview'

interface Fixtures {
  /** Further settings of the test's own server. */
  settings: Record<string, string>
  /** A server of the test's own, which it may stop and start. */
  ownServer: DemoServer
  /** The live preview page, opened and connected. */
  preview: LivePreview
  /** Whether browsers may complain, as they do of a server that can't be reached. */
  mayComplain: boolean
  /** Another browser, whose complaints are heard like the first one's; closed at the end. */
  newBrowser: (options?: BrowserContextOptions) => Promise<BrowserContext>
  /** Opens a page of the app in another browser, as somebody, and waits until it is connected. */
  openBeside: (server: DemoServer, user: string, path: string) => Promise<Page>
}

interface WorkerFixtures {
  /** A server that tests share. */
  server: DemoServer
}

export const test = base.extend<Fixtures, WorkerFixtures>({
  mayComplain: [false, { option: true }],
  settings: [{}, { option: true }],

  server: [
    async ({}, use) => {
      const server = await DemoServer.start()
      await use(server)
      await server.dispose()
    },
    { scope: 'worker' },
  ],

  ownServer: async ({ settings }, use) => {
    const server = await DemoServer.start(settings)
    await use(server)
    await server.dispose()
  },

  context: async ({ context, mayComplain }, use) => {
    const complaints = complaintsOf(context)
    await use(context)
    if (!mayComplain) expect(complaints).toEqual([])
  },

  newBrowser: async ({ browser, mayComplain }, use) => {
    const contexts: BrowserContext[] = []
    const complaints: string[][] = []
    await use(async (options) => {
      const context = await browser.newContext(options)
      contexts.push(context)
      complaints.push(complaintsOf(context))
      return context
    })
    for (const context of contexts) await context.close()
    if (!mayComplain) expect(complaints.flat()).toEqual([])
  },

  openBeside: async ({ newBrowser }, use) => {
    await use(async (server, user, path) => openAs(await (await newBrowser()).newPage(), server, user, path))
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

/** What the page says of its connection. */
export function connectionOf(page: Page) {
  return page.getByRole('banner').getByRole('status')
}

/** Everything that stands red in the consoles of a browser's pages. */
function complaintsOf(context: BrowserContext): string[] {
  const complaints: string[] = []
  context.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text())
  })
  context.on('weberror', (error) => complaints.push(String(error.error())))
  return complaints
}
