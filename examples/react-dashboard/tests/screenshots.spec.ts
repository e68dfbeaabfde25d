import type { Page } from '@playwright/test'
import { expect, openAs, test } from './fixtures'
import { LivePreview } from './LivePreview'
import { openPanel } from './openPanel'
import { bring, tellTyping } from './platform'

// Pictures for people, into screenshots/: npm run screenshots.

const SIZES = { desktop: { width: 1280, height: 800 }, phone: { width: 390, height: 844 } }

for (const [device, viewport] of Object.entries(SIZES)) {
  for (const colorScheme of ['light', 'dark'] as const) {
    test.describe(`${device}, ${colorScheme}`, () => {
      test.describe.configure({ timeout: 120_000 })
      test.use({ viewport, colorScheme, isMobile: device === 'phone', mayComplain: true })
      const take = (page: Page, name: string) => page.screenshot({ path: `screenshots/${name}-${device}-${colorScheme}.png` })

      test('live preview', async ({ page, server }) => {
        const preview = await LivePreview.open(page, server)
        await preview.field('Your name').pressSequentially('Ada Lovelace', { delay: 30 })
        await preview.field('Email').pressSequentially('ada@example.org', { delay: 30 })
        await preview.field('Password').pressSequentially('secret12', { delay: 30 })
        await preview.field('Favourite coffee').pressSequentially('Black. Like the night before a deadline', { delay: 30 })
        await expect(preview.typed('Favourite coffee')).toContainText('deadline')
        await take(page, 'live-preview')
        await preview.submit()
        await expect(preview.ownSession).toContainText('submitted')
        await preview.owner.getByRole('slider').fill('2000')
        await preview.owner.getByRole('slider').scrollIntoViewIfNeeded()
        await take(page, 'replay')
      })

      test('stories', async ({ page, openBeside, server }) => {
        await openAs(page, server, 'ada', 'stories')
        await page.getByRole('link', { name: 'How the club began' }).click()
        await expect(page.getByText('It hangs above the sink.')).toBeVisible()
        if (device === 'desktop') {
          await page.getByRole('button', { name: 'ZIP' }).click()
          await expect(page.getByRole('button', { name: /^Download/ }).first()).toBeVisible()
        }
        const grace = await openBeside(server, 'grace', new URL(page.url()).hash.slice(2))
        await grace.getByRole('textbox', { name: 'Transcript' }).press('End')
        await grace.getByRole('textbox', { name: 'Transcript' }).pressSequentially(' ')
        await expect(page.getByText('Grace is writing')).toBeVisible()
        await take(page, 'stories')
      })

      test('inbox', async ({ page, server }) => {
        await bring(server, 'discord', 'ada', 'Petra Lang', 'Is the tasting still on for Friday?')
        const id = await bring(server, 'discord', 'ada', 'Petra Lang', 'I would bring two friends.')
        await openAs(page, server, 'ada', 'inbox')
        const petra = page.getByRole('link', { name: 'Petra Lang' })
        await expect(petra).toContainText('two friends')
        if (device === 'phone') await take(page, 'inbox')
        await petra.click()
        await expect(page.getByRole('img', { name: 'Read' }).last()).toBeVisible()
        await tellTyping(server, 'typing:start', 'ada', id)
        await expect(page.getByRole('img', { name: 'Petra Lang is typing' })).toBeVisible()
        await take(page, device === 'phone' ? 'inbox-open' : 'inbox')
      })

      test('assistant', async ({ page, server }) => {
        await openAs(page, server, 'ada', 'assistant')
        await page.getByRole('button', { name: 'New', exact: true }).click()
        await page.getByRole('button', { name: /list and a table/ }).click()
        await expect(page.getByRole('article', { name: 'Assistant' }).getByRole('table')).toBeVisible()
        await take(page, 'assistant')
      })

      test('workspace', async ({ page, openBeside, server }) => {
        await openAs(page, server, 'ada', 'workspace')
        const grace = await openBeside(server, 'grace', 'workspace')
        const card = grace.getByRole('listitem').filter({ has: grace.getByRole('heading', { name: 'Taste the Ethiopian' }) })
        await card.getByRole('button', { name: /^Rename/ }).click()
        await expect(page.getByRole('img', { name: 'Grace has it in hand' })).toBeVisible()
        await take(page, 'workspace')
      })

      test('connection', async ({ page, server }) => {
        await openAs(page, server, 'ada', 'workspace')
        const panel = await openPanel(page)
        await panel.cut.click()
        await expect(panel.log.filter({ hasText: 'Connected again' })).toHaveCount(1)
        await panel.expire.click()
        await expect(panel.log.filter({ hasText: 'Connected again' })).toHaveCount(2)
        await expect(panel.roundTrip).toContainText('ms')
        await take(page, 'connection')
      })
    })
  }
}
