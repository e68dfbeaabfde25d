import type { Locator, Page } from '@playwright/test'
import { connectionOf, expect, openAs, test } from './fixtures'
import { openPanel } from './openPanel'
import { Provider } from './Provider'

/** The assistant's page, in the words of who uses it. Without a key the assistant is an echo. */
class Assistant {
  constructor(readonly page: Page) {}

  get log(): Locator {
    return this.page.getByRole('log', { name: 'What was said' })
  }

  get questions(): Locator {
    return this.log.getByRole('article', { name: 'You' })
  }

  get answers(): Locator {
    return this.log.getByRole('article', { name: 'Assistant' })
  }

  get stop(): Locator {
    return this.page.getByRole('button', { name: 'Stop' })
  }

  /** Begins a conversation; resolves with its place in the app. */
  async begin(): Promise<string> {
    const before = this.page.url()
    await this.page.getByRole('button', { name: 'New', exact: true }).click()
    await this.page.waitForURL((url) => url.href !== before)
    await expect(this.page.getByRole('heading', { name: 'New conversation' })).toBeVisible()
    return new URL(this.page.url()).hash.slice(2)
  }

  async say(content: string): Promise<void> {
    // Nothing is sent while an answer is under way.
    await expect(this.stop).toHaveCount(0)
    await this.page.getByLabel('Message').fill(content)
    await this.page.keyboard.press('Enter')
  }
}

/** What the echo says in a hundred parts. */
const LONG = Array.from({ length: 150 }, (_, index) => `word${index}`).join(' ')

test('an answer is seen as it comes, by everybody who takes part', async ({ page, openBeside, server }) => {
  const ada = new Assistant(await openAs(page, server, 'ada', 'assistant'))
  const place = await ada.begin()
  await ada.page.getByRole('button', { name: 'Ask somebody in' }).click()
  await ada.page.getByLabel('Grace Hopper').check()
  await ada.page.keyboard.press('Escape')
  await expect(ada.page.getByRole('img', { name: 'Grace Hopper, not here' })).toBeVisible()
  const grace = new Assistant(await openBeside(server, 'grace', place))
  await expect(ada.page.getByRole('img', { name: 'Grace Hopper, online' })).toBeVisible()

  // It is told for as long as she types.
  await expect(async () => {
    await grace.page.getByLabel('Message').press('W')
    await expect(ada.page.getByText('Grace typing…')).toBeVisible({ timeout: 2_000 })
  }).toPass()

  await ada.say(`**Bold**, and ${LONG}`)
  for (const { answers } of [ada, grace]) await expect(answers).toContainText('You said: Bold, and word0')
  for (const { answers, questions } of [ada, grace]) {
    await expect(answers).toContainText('word149')
    await expect(answers.locator('strong')).toHaveText('Bold')
    await expect(questions).toHaveCount(1)
  }
  // The conversation is called by what it began with.
  await expect(grace.page.getByRole('heading', { name: /^Bold, and word0/ })).toBeVisible()
})

test.describe('with a provider', () => {
  // Browsers stay open while the server goes.
  test.use({ mayComplain: true })

  let provider: Provider
  test.beforeAll(async () => (provider = await Provider.start()))
  test.afterAll(() => provider.dispose())
  test.use({ settings: async ({}, use) => use(provider.settings) })

  test('an answer is stopped, and what there is of it stays', async ({ page, context, ownServer: server }) => {
    const first = new Assistant(await openAs(page, server, 'ada', 'assistant'))
    const place = await first.begin()
    const second = new Assistant(await openAs(await context.newPage(), server, 'ada', place))
    await first.say('Tell me a story without an end.')
    await expect.poll(() => provider.asked).toBe(1)
    provider.say('Once upon a time, ')
    await expect(second.answers).toContainText('Once upon a time')
    await second.stop.click()
    for (const { answers, stop } of [first, second]) {
      await expect(answers).toContainText('Stopped')
      await expect(stop).toHaveCount(0)
    }
    provider.say('there was a page.')
    await page.reload()
    for (const { answers } of [first, second]) await expect(answers).toHaveText(/^Once upon a time,\s*Stopped$/)
  })

  test('a reload, a cut and a second tab in the middle of an answer show all of it', async ({ page, context, ownServer: server }) => {
    const before = provider.asked
    const first = new Assistant(await openAs(page, server, 'ada', 'assistant'))
    const place = await first.begin()
    await first.say('Go on.')
    await expect.poll(() => provider.asked).toBe(before + 1)
    provider.say('One, ')
    await expect(first.answers).toContainText('One,')
    await page.reload()
    await expect(first.answers).toContainText('One,')

    const panel = await openPanel(page)
    await panel.offline.click()
    provider.say('two, ')
    const second = new Assistant(await openAs(await context.newPage(), server, 'ada', place))
    await expect(second.answers).toHaveText('One, two,')
    await panel.online.click()
    await expect(first.answers).toHaveText('One, two,')
    provider.say('three.')
    provider.end()
    for (const { answers, stop } of [first, second]) {
      await expect(answers).toHaveText('One, two, three.')
      await expect(stop).toHaveCount(0)
    }
  })
})

test('HTML in what is said stays text', async ({ page, server }) => {
  const ada = new Assistant(await openAs(page, server, 'ada', 'assistant'))
  await ada.begin()
  await ada.say('<img src=x onerror="document.title=1"> ![elsewhere](https://example.org/x.png) [run](javascript:alert(1))')
  await expect(ada.stop).toHaveCount(0)
  await expect(ada.answers).toContainText('<img src=x')
  await expect(ada.log.locator('img')).toHaveCount(0)
  for (const link of await ada.log.getByText('run', { exact: true }).all()) {
    expect(await link.getAttribute('href')).not.toMatch(/javascript/)
  }
})

test.describe('in the middle of it', () => {
  test.use({ mayComplain: true })

  test('a cut, a reload and a restart lose and double nothing', async ({ page, ownServer: server }) => {
    const ada = new Assistant(await openAs(page, server, 'ada', 'assistant'))
    await ada.begin()
    await ada.say(LONG)
    await expect(ada.answers).toContainText('word0')
    await page.reload()
    await expect(ada.answers).toContainText('word149')
    await expect(ada.answers).toHaveCount(1)

    const panel = await openPanel(page)
    await ada.say(`Again, ${LONG}`)
    await expect(ada.answers.last()).toContainText('Again')
    await panel.cut.click()
    await expect(panel.log.filter({ hasText: 'Connected again' })).toHaveCount(1)
    await expect(ada.answers.last()).toContainText('word149')
    await expect(ada.answers).toHaveCount(2)
    await expect(ada.stop).toHaveCount(0)

    await server.stop()
    await expect(connectionOf(page)).toHaveText('Reconnecting')
    await ada.say('Are you there?')
    await server.startAgain()
    await expect(connectionOf(page)).toHaveText('Connected')
    await expect(ada.answers).toHaveCount(3)
    await expect(ada.answers.last()).toContainText('Are you there?')
    await expect(ada.questions).toHaveCount(3)
    await page.reload()
    await expect(ada.answers).toHaveCount(3)
    await expect(ada.questions).toHaveCount(3)
  })
})
