import { test as base, expect, type Page } from '@playwright/test'
import { DemoServer } from './DemoServer'
import { LivePreview } from './LivePreview'

interface Fixtures {
  server: DemoServer
  /** The live preview page, opened and connected. */
  preview: LivePreview
  /** Whether the browser may complain, as it does of a server that can't be reached. */
  mayComplain: boolean
}

export const test = base.extend<Fixtures>({
  mayComplain: [false, { option: true }],

  server: async ({}, use) => {
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

/** Everything that stands red in the browser's console. */
function complaintsOf(page: Page): string[] {
  const complaints: string[] = []
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(String(error)))
  return complaints
}
