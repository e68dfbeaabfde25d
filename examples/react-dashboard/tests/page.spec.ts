import { AxeBuilder } from '@axe-core/playwright'
import { expect, test } from './fixtures'
import { LivePreview } from './LivePreview'

for (const colorScheme of ['light', 'dark'] as const) {
  test(`nothing stands in the way of anybody (${colorScheme})`, async ({ preview, page }) => {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
    await preview.field('Your name').pressSequentially('Ada')
    await expect(preview.typed('Your name')).toHaveText('Ada')
    const { violations } = await new AxeBuilder({ page }).analyze()
    expect(violations.map(({ id, nodes }) => [id, ...nodes.map(({ html }) => html)])).toEqual([])
  })
}

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

test('nothing moves while the page loads', async ({ page, server }) => {
  await page.addInitScript(() => {
    const moved: string[] = []
    Object.assign(window, { moved })
    new PerformanceObserver((list) => {
      const shifts = list.getEntries() as (PerformanceEntry & { sources: { node?: Node }[] })[]
      for (const { node } of shifts.flatMap(({ sources }) => sources)) {
        // What is typed moves on, and events go down as others come in: that is what they are for.
        if (node?.parentElement && !node.parentElement.closest('ol, dl, .keys')) moved.push(String(node.textContent))
      }
    }).observe({ type: 'layout-shift', buffered: true })
  })
  const preview = await LivePreview.open(page, server)
  // The demo's own visitors have come.
  await expect(preview.owner.getByRole('listitem').first()).toBeVisible()
  expect(await page.evaluate('moved')).toEqual([])
})

test('it keeps itself to a strict content security policy', async ({ preview, page }) => {
  // That nothing breaks under it, every test sees: the browser would complain.
  await expect(preview.connection).toHaveText('Connected')
  const policy = page.locator('meta[http-equiv="Content-Security-Policy"]')
  await expect(policy).toHaveAttribute('content', /script-src 'self' 'wasm-unsafe-eval'/)
  expect(await page.locator('script:not([src])').count()).toBe(0)
})

for (const width of [320, 390, 768, 1280]) {
  test(`nothing is cut off at ${width} pixels`, async ({ preview, page }) => {
    await page.setViewportSize({ width, height: 800 })
    await preview.field('Your name').pressSequentially('Ada')
    await expect(preview.typed('Your name')).toHaveText('Ada')
    const widths = await page.evaluate(() => ['html', '.app-page'].map((part) => document.querySelector(part)!.scrollWidth))
    expect(Math.max(...widths)).toBeLessThanOrEqual(width)
  })
}
