import { AxeBuilder } from '@axe-core/playwright'
import type { Page } from '@playwright/test'
import { expect, openAs, test } from './fixtures'
import { openPanel } from './openPanel'
import { bring } from './platform'

/** Every page, and what stands on it once it is there. */
const PAGES = [
  { path: 'live-preview', isThere: (page: Page) => page.getByRole('button', { name: /^visitor-/ }).first() },
  { path: 'stories', isThere: (page: Page) => page.getByRole('link', { name: 'How the club began' }) },
  { path: 'inbox', isThere: (page: Page) => page.getByRole('link', { name: 'Bela Kranz' }) },
  { path: 'assistant', isThere: (page: Page) => page.getByRole('article', { name: 'Assistant' }).first() },
  { path: 'workspace', isThere: (page: Page) => page.getByRole('heading', { name: 'Order beans' }) },
]

test.beforeAll(({ server }) => bring(server, 'whatsapp', 'ada', 'Bela Kranz', 'See you at four?'))

for (const { path, isThere } of PAGES) {
  test.describe(path, () => {
    test('stands in nobody’s way, light or dark', async ({ page, server }) => {
      await openAs(page, server, 'ada', path)
      await expect(isThere(page)).toBeVisible()
      await openPanel(page)
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
        const { violations } = await new AxeBuilder({ page }).analyze()
        expect(violations.map(({ id, nodes }) => [id, ...nodes.map(({ html }) => html)])).toEqual([])
      }
    })

    test('is cut off at no width', async ({ page, server }) => {
      await openAs(page, server, 'ada', path)
      await expect(isThere(page)).toBeVisible()
      for (const width of [320, 390, 768, 1280]) {
        await page.setViewportSize({ width, height: 800 })
        const widths = await page.evaluate(() => ['html', '.app-page'].map((part) => document.querySelector(part)!.scrollWidth))
        expect(Math.max(...widths)).toBeLessThanOrEqual(width)
      }
    })
  })
}

test.describe('an address of what is not there', () => {
  // The server says that it isn't.
  test.use({ mayComplain: true })
  for (const { path, isThere } of PAGES) {
    for (const item of ['nothing', '%F0%9F']) {
      test(`${path}/${item} shows the page`, async ({ page, server }) => {
        await openAs(page, server, 'ada', `${path}/${item}`)
        await expect(isThere(page)).toBeVisible()
      })
    }
  }
})

test('the form is filled in and submitted without a mouse', async ({ preview, page }) => {
  await preview.field('Your name').focus()
  await page.keyboard.type('Ada')
  await page.keyboard.press('Tab')
  await page.keyboard.type('ada@example.org')
  await page.keyboard.press('Enter')
  await expect(preview.ownSession).toContainText('submitted')

  await page.keyboard.press('Enter')
  await expect(preview.field('Your name')).toBeFocused()
  await expect(preview.field('Your name')).toHaveValue('')
})

test('is painted before the WebAssembly has come', async ({ page, server }) => {
  let release = () => {}
  const released = new Promise<void>((resolve) => (release = resolve))
  await page.route(/\.wasm$/, async (route) => {
    await released
    await route.continue()
  })
  await page.goto(server.url)
  await expect(page.getByRole('heading', { name: 'Join the coffee club' })).toBeVisible()
  await expect(page.getByRole('banner').getByRole('status')).toHaveText('Connecting')
  release()
  await expect(page.getByRole('banner').getByRole('status')).toHaveText('Connected')
})

test('keeps itself to a strict content security policy', async ({ preview, page }) => {
  // That nothing breaks under it, every test sees: the browser would complain.
  await expect(preview.connection).toHaveText('Connected')
  const policy = page.locator('meta[http-equiv="Content-Security-Policy"]')
  await expect(policy).toHaveAttribute('content', /script-src 'self' 'wasm-unsafe-eval'/)
  expect(await page.locator('script:not([src])').count()).toBe(0)
})
