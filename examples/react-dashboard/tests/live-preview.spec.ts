import { expect, test } from './fixtures'
import { LivePreview } from './LivePreview'

test('a visit is watched from its first key to its end', async ({ page, preview }) => {
  await expect(preview.ownSession).toHaveCount(0)
  let sockets = 0
  page.on('websocket', () => (sockets += 1))

  await preview.field('Your name').press('A')
  await expect(preview.ownSession).toContainText('live')
  await expect(preview.typed('Your name')).toHaveText('A')

  await preview.field('Your name').press('d')
  await expect(preview.typed('Your name')).toHaveText('Ad')
  await preview.field('Your name').press('a')
  await expect(preview.typed('Your name')).toHaveText('Ada')

  await preview.field('Password').pressSequentially('secret')
  await expect(preview.typed('Password')).toHaveText('••••••')
  await preview.field('Decaf, please').check()
  await expect(preview.typed('Decaf, please')).toHaveText('✓ yes')

  await preview.submit()
  await expect(preview.ownSession).toContainText('submitted')
  await expect(preview.visitor.getByRole('status')).toContainText('Welcome')
  // The one that it was opened with.
  expect(sockets).toBe(0)
})

test('every event arrives once and in order, however fast one types', async ({ preview }) => {
  const text = 'the quick brown fox'
  await preview.field('Your name').pressSequentially(text)
  await expect(preview.typed('Your name')).toHaveText(text)

  const expected = ['focus', ...Array.from(text).flatMap(() => ['keydown', 'input', 'keyup'])]
  await expect(preview.events.locator('code')).toHaveText(expected.reverse())
})

test('what is typed in one browser is seen in another', async ({ preview, browser, server }) => {
  const other = await LivePreview.open(await (await browser.newContext()).newPage(), server)
  await other.field('Email').pressSequentially('grace@example.org')
  const visitor = await other.visitorName()

  await preview.session(visitor).click()
  await expect(preview.typed('Email')).toHaveText('grace@example.org')
  await other.field('Email').press('Backspace')
  await expect(preview.typed('Email')).toHaveText('grace@example.or')

  // By a link: a browser that is torn down may take the page's last word along.
  await other.page.goto('about:blank')
  await expect(preview.session(visitor)).toContainText('left')
  await other.page.context().close()
})

test('who begins to watch in the middle sees what was typed before', async ({ preview, page }) => {
  await preview.field('Your name').pressSequentially('Ada')
  await expect(preview.typed('Your name')).toHaveText('Ada')
  const visitor = await preview.visitorName()
  await page.reload()
  await preview.session(visitor).click()
  await expect(preview.typed('Your name')).toHaveText('Ada')
})

test.describe('with a server that goes away', () => {
  test.use({ mayComplain: true })

  test('a restart is ridden out without a reload', async ({ page, ownServer: server }) => {
    const preview = await LivePreview.open(page, server)
    await preview.field('Your name').pressSequentially('Ada')
    await expect(preview.typed('Your name')).toHaveText('Ada')

    await server.stop()
    await expect(preview.connection).toHaveText('Reconnecting')
    await preview.field('Your name').pressSequentially(' Lovelace')
    await server.start()

    await expect(preview.connection).toHaveText('Connected')
    await expect(preview.typed('Your name')).toHaveText('Ada Lovelace')
    await preview.field('Email').pressSequentially('ada@example.org')
    await expect(preview.typed('Email')).toHaveText('ada@example.org')
    await preview.submit()
    await expect(preview.ownSession).toContainText('submitted')
  })
})

test('a session that is over is played again', async ({ preview, page }) => {
  await preview.field('Your name').pressSequentially('Ada', { delay: 50 })
  await preview.field('Email').pressSequentially('ada@example.org')
  await preview.submit()
  await expect(preview.ownSession).toContainText('submitted')
  await expect(preview.typed('Email')).toHaveText('ada@example.org')

  const point = preview.owner.getByRole('slider', { name: 'Point in time' })
  await point.focus()
  await page.keyboard.press('Home')
  await expect(preview.owner.getByRole('definition')).toHaveCount(1)
  await expect(preview.typed('Your name')).toHaveText('')

  await preview.owner.getByRole('button', { name: 'Play' }).click()
  await expect(preview.typed('Email')).toHaveText('ada@example.org')
  await expect(preview.owner.getByRole('button', { name: 'Play' })).toBeVisible()
})
