import type { Locator, Page } from '@playwright/test'
import { readFile } from 'node:fs/promises'
import { connectionOf, expect, openAs, test } from './fixtures'
import { openPanel } from './openPanel'

/** The stories' page, in the words of who uses it. */
class Stories {
  constructor(readonly page: Page) {}

  story(title: string): Locator {
    return this.page.getByRole('navigation', { name: 'Stories' }).getByRole('link', { name: title })
  }

  get transcript(): Locator {
    return this.page.getByRole('textbox', { name: 'Transcript' })
  }

  get said(): Locator {
    return this.page.getByRole('region', { name: 'Said about it' }).getByRole('listitem')
  }

  get exports(): Locator {
    return this.page.getByRole('region', { name: 'Export' }).getByRole('listitem')
  }

  button(name: string): Locator {
    return this.page.getByRole('button', { name, exact: true })
  }

  async tell(title: string, text: string): Promise<void> {
    await this.page.getByLabel('Title').fill(title)
    await this.page.getByLabel('Text', { exact: true }).fill(text)
    await this.button('Upload').click()
  }

  async say(type: 'Comment' | 'Question' | 'Answer', content: string): Promise<void> {
    await this.button(type).click()
    await this.page.getByLabel('What you say').fill(content)
    await this.button('Say').click()
  }
}

/** Two seconds of silence. */
function recording(): Buffer {
  const rate = 8_000
  const samples = Buffer.alloc(2 * rate, 0x80)
  const head = Buffer.alloc(44)
  head.write('RIFF')
  head.writeUInt32LE(36 + samples.length, 4)
  head.write('WAVEfmt ', 8)
  head.writeUInt32LE(16, 16)
  head.writeUInt16LE(1, 20)
  head.writeUInt16LE(1, 22)
  head.writeUInt32LE(rate, 24)
  head.writeUInt32LE(rate, 28)
  head.writeUInt16LE(1, 32)
  head.writeUInt16LE(8, 34)
  head.write('data', 36)
  head.writeUInt32LE(samples.length, 40)
  return Buffer.concat([head, samples])
}

test('a story without a title is asked for one, and a long one is shown whole', async ({ page, server }) => {
  const stories = new Stories(await openAs(page, server, 'ada', 'stories'))
  await stories.tell('  ', 'Some words')
  await expect(page.getByRole('alert')).toHaveText('A story has a title, or a recording.')
  const title = 'Un'.repeat(95)
  await stories.tell(title, '')
  const shown = page.getByRole('heading', { name: title })
  await expect(shown).toBeVisible()
  expect(await shown.evaluate((heading) => heading.scrollWidth <= heading.clientWidth)).toBe(true)
})

test('a recording is uploaded, processed, heard and written down, before the eyes of others', async ({ page, openBeside, server }) => {
  const ada = new Stories(await openAs(page, server, 'ada', 'stories'))
  await expect(ada.story('How the club began')).toBeVisible()
  const grace = new Stories(await openBeside(server, 'grace', 'stories'))
  await expect(grace.story('How the club began')).toBeVisible()

  await ada.page.locator('input[type=file]').setInputFiles({ name: 'silence.wav', mimeType: 'audio/wav', buffer: recording() })
  await ada.tell('Two seconds of silence', '')
  for (const { story } of [ada, grace].map((one) => ({ story: one.story('Two seconds of silence') }))) {
    await expect(story).toContainText('Ada · 0:02')
    await expect(story).toHaveCount(1)
  }
  await ada.page.getByRole('button', { name: /^Listen/ }).click()
  await expect.poll(() => ada.page.locator('audio').evaluate((audio: HTMLAudioElement) => audio.duration)).toBe(2)

  await test.step('two write on one transcript', async () => {
    await grace.story('Two seconds of silence').click()
    await grace.transcript.fill('Nothing.')
    await expect(ada.page.getByText('Grace is writing')).toBeVisible()
    await ada.transcript.fill('Silence.')
    await grace.button('Save').click()
    await expect(ada.page.getByRole('alert')).toContainText('Nothing.')
    await ada.button('Keep mine').click()
    await expect(grace.transcript).toHaveValue('Silence.')
    await expect(ada.page.getByRole('alert')).toHaveCount(0)
    await expect(ada.page.getByText('version 2')).toBeVisible()
  })

  await test.step('they talk about it', async () => {
    await grace.say('Question', 'Is that all?')
    await expect(ada.said).toContainText(['Is that all?'])
    await ada.say('Answer', 'It is.')
    await expect(grace.said).toHaveCount(2)
    await ada.page.getByLabel('Settled: Is that all?').check()
    await expect(grace.page.getByLabel('Settled: Is that all?')).toBeChecked()
  })
})

test('everything is exported, and downloaded by whoever likes', async ({ page, openBeside, server }) => {
  const ada = new Stories(await openAs(page, server, 'ada', 'stories'))
  const grace = new Stories(await openBeside(server, 'grace', 'stories'))
  await expect(grace.story('How the club began')).toBeVisible()
  await ada.button('JSON').click()
  for (const { exports } of [ada, grace]) await expect(exports.first()).toContainText(/JSON Ada.*Download/)

  const downloading = grace.page.waitForEvent('download')
  await grace.exports.first().getByRole('button', { name: /^Download/ }).click()
  const file = await downloading
  expect(file.suggestedFilename()).toBe('stories.json')
  expect(JSON.stringify(JSON.parse(await readFile(await file.path(), 'utf8')))).toContain('How the club began')
})

test.describe('in the middle of it', () => {
  test.use({ mayComplain: true })

  test('a cut, a reload and a restart lose and double nothing', async ({ page, openBeside, ownServer: server }) => {
    const ada = new Stories(await openAs(page, server, 'ada', 'stories'))
    const grace = new Stories(await openBeside(server, 'grace', 'stories'))
    await expect(grace.story('How the club began')).toBeVisible()

    const panel = await openPanel(page)
    await panel.offline.click()
    await grace.tell('While Ada was away', 'Some words.')
    await expect(grace.story('While Ada was away')).toContainText('2 words')
    await panel.online.click()
    await expect(ada.story('While Ada was away')).toContainText('2 words')
    await panel.close.click()

    await ada.story('While Ada was away').click()
    await ada.say('Comment', 'Welcome back')
    await expect(grace.said).toHaveCount(1)
    await page.reload()
    await expect(ada.said).toHaveCount(1)

    await server.stop()
    await expect(connectionOf(page)).toHaveText('Reconnecting')
    await ada.transcript.fill('Some more words.')
    await server.startAgain()
    await expect(connectionOf(page)).toHaveText('Connected')
    await ada.button('Save').click()
    await expect(grace.transcript).toHaveValue('Some more words.')
    for (const { said, story } of [ada, grace].map((one) => ({ said: one.said, story: one.story('While Ada was away') }))) {
      await expect(said.filter({ hasText: 'Welcome back' })).toHaveCount(1)
      await expect(story).toHaveCount(1)
    }
  })
})
