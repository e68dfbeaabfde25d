import { expect, test } from './fixtures'
import { LivePreview } from './LivePreview'
import { openPanel } from './openPanel'

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

test('what is typed in one browser is seen in another', async ({ preview, openBeside, server }) => {
  const other = await LivePreview.on(await openBeside(server, 'ada', 'live-preview'))
  await other.field('Email').pressSequentially('grace@example.org')
  const visitor = await other.visitorName()

  await preview.session(visitor).click()
  await expect(preview.typed('Email')).toHaveText('grace@example.org')
  await other.field('Email').press('Backspace')
  await expect(preview.typed('Email')).toHaveText('grace@example.or')

  // By a link: a browser that is torn down may take the page's last word along.
  await other.page.goto('about:blank')
  await expect(preview.session(visitor)).toContainText('left')
})

test('who begins to watch in the middle sees what was typed before', async ({ preview, page }) => {
  await preview.field('Your name').pressSequentially('Ada')
  await expect(preview.typed('Your name')).toHaveText('Ada')
  const visitor = await preview.visitorName()
  await page.reload()
  await preview.session(visitor).click()
  await expect(preview.typed('Your name')).toHaveText('Ada')
})

test.describe('in the middle of it', () => {
  test.use({ mayComplain: true })

  test('a cut, a reload and a restart lose and double nothing', async ({ page, openBeside, ownServer: server }) => {
    const owner = await LivePreview.open(page, server)
    const visitor = await LivePreview.on(await openBeside(server, 'ada', 'live-preview'))
    await visitor.field('Your name').pressSequentially('Ada')
    const name = await visitor.visitorName()
    await owner.session(name).click()
    await expect(owner.typed('Your name')).toHaveText('Ada')

    const panel = await openPanel(page)
    await panel.offline.click()
    await visitor.field('Your name').pressSequentially(' Lov')
    await expect(visitor.typed('Your name')).toHaveText('Ada Lov')
    await panel.online.click()
    await expect(owner.typed('Your name')).toHaveText('Ada Lov')

    await Promise.all([page.reload(), visitor.field('Your name').pressSequentially('ela')])
    await owner.session(name).click()
    await expect(owner.typed('Your name')).toHaveText('Ada Lovela')

    await server.stop()
    await expect(owner.connection).toHaveText('Reconnecting')
    await visitor.field('Your name').pressSequentially('ce')
    await server.startAgain()
    await visitor.field('Email').pressSequentially('ada@example.org')
    await visitor.submit()

    const words = [...prefixes('Ada Lovelace'), ...prefixes('ada@example.org')]
    for (const side of [owner, visitor]) {
      await expect(side.connection).toHaveText('Connected')
      await expect(side.session(name)).toContainText('submitted')
      await expect(side.session(name)).toHaveCount(1)
      await expect(side.inputs).toHaveText(words.toReversed())
      await expect(side.typed('Your name')).toHaveText('Ada Lovelace')
      await expect(side.typed('Email')).toHaveText('ada@example.org')
    }
  })

  test('a restart is ridden out without a reload', async ({ page, ownServer: server }) => {
    const preview = await LivePreview.open(page, server)
    await preview.field('Your name').pressSequentially('Ada')
    await expect(preview.typed('Your name')).toHaveText('Ada')

    await server.stop()
    await expect(preview.connection).toHaveText('Reconnecting')
    await preview.field('Your name').pressSequentially(' Lovelace')
    await server.startAgain()

    await expect(preview.connection).toHaveText('Connected')
    await expect(preview.typed('Your name')).toHaveText('Ada Lovelace')
    await preview.field('Email').pressSequentially('ada@example.org')
    await expect(preview.typed('Email')).toHaveText('ada@example.org')
    await preview.submit()
    await expect(preview.ownSession).toContainText('submitted')
  })
})

test('a session that is over is played again', async ({ preview, page }) => {
  // The first key comes after the focus, by the clock too.
  await preview.field('Your name').focus()
  await expect(preview.ownSession).toContainText('live')
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

/** A text as it grows, key by key. */
const prefixes = (text: string) => Array.from(text, (_, index) => text.slice(0, index + 1))
