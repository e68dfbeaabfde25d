import type { Locator, Page } from '@playwright/test'
import { connectionOf, expect, openAs, test } from './fixtures'
import { openPanel } from './openPanel'

/** The board, in the words of who uses it. */
class Board {
  constructor(readonly page: Page) {}

  column(name: string): Locator {
    return this.page.getByRole('region', { name: new RegExp(`^${name}`) })
  }

  card(title: string, column?: string): Locator {
    const place = column ? this.column(column) : this.page.getByRole('main')
    return place.getByRole('listitem').filter({ has: this.page.getByRole('heading', { name: title, exact: true }) })
  }

  async add(title: string, column = 'To do'): Promise<void> {
    const field = this.page.getByLabel(`Add a card to ${column}`)
    await field.fill(title)
    await field.press('Enter')
  }

  /** Moves a card by the arrow keys, through one column after the other. */
  async press(title: string, key: string, ...columns: string[]): Promise<void> {
    const grip = this.page.getByRole('button', { name: `Move ${title}` })
    await grip.focus()
    for (const column of columns) {
      await this.page.keyboard.press(key)
      await expect(this.card(title, column)).toHaveCount(1)
      await expect(grip).toBeFocused()
    }
  }

  person(name: string): Locator {
    return this.page.getByRole('list', { name: 'Who is here' }).getByRole('img', { name })
  }
}

test('what one does at the board, the other sees', async ({ page, openBeside, server }) => {
  const ada = new Board(await openAs(page, server, 'ada', 'workspace'))
  const grace = new Board(await openBeside(server, 'grace', 'workspace'))
  await expect(ada.person('Grace Hopper')).toBeVisible()
  await expect(grace.person('Ada Lovelace')).toBeVisible()

  await ada.add('Taste the new roast')
  await expect(grace.card('Taste the new roast', 'To do')).toHaveCount(1)

  await test.step('by the keyboard', async () => {
    await grace.press('Taste the new roast', 'ArrowRight', 'Doing', 'Done')
    await expect(ada.card('Taste the new roast', 'Done')).toHaveCount(1)
    await expect(ada.card('Taste the new roast')).toHaveCount(1)
    await expect(ada.card('Taste the new roast').getByRole('img')).toHaveAccessibleName('last changed by Grace')
  })

  await test.step('by the mouse', async () => {
    const inHand = () => expect(grace.card('Taste the new roast').getByRole('img')).toHaveAccessibleName('Ada has it in hand', { timeout: 10_000 })
    // Somebody of the demo may move another card under the pointer just before it takes hold.
    await expect(async () => {
      await ada.card('Taste the new roast').hover()
      await ada.page.mouse.down()
      await ada.column('Doing').hover()
      await inHand().catch(async (error) => {
        await ada.page.keyboard.press('Escape')
        await ada.page.mouse.up()
        throw error
      })
    }).toPass()
    await ada.page.mouse.up()
    await expect(grace.card('Taste the new roast', 'Doing')).toHaveCount(1)
  })

  await test.step('renamed and deleted', async () => {
    await grace.card('Taste the new roast').getByRole('button', { name: /^Rename/ }).click()
    await grace.page.getByLabel('Title', { exact: true }).fill('Taste the old roast')
    await grace.page.keyboard.press('Enter')
    await expect(ada.card('Taste the old roast', 'Doing')).toHaveCount(1)
    await ada.card('Taste the old roast').getByRole('button', { name: /^Delete/ }).click()
    await expect(grace.card('Taste the old roast')).toHaveCount(0)
  })

  await grace.page.context().close()
  await expect(ada.person('Grace Hopper')).toHaveCount(0)
})

test('of two who move one card, the slower is told', async ({ page, openBeside, server }) => {
  const ada = new Board(await openAs(page, server, 'ada', 'workspace'))
  const grace = new Board(await openBeside(server, 'grace', 'workspace'))
  await ada.add('Weigh the beans')
  await expect(grace.card('Weigh the beans')).toHaveCount(1)

  const panel = await openPanel(ada.page)
  await panel.offline.click()
  await ada.press('Weigh the beans', 'ArrowRight', 'Doing')
  await grace.press('Weigh the beans', 'ArrowRight', 'Doing', 'Done')

  await panel.online.click()
  await expect(ada.card('Weigh the beans', 'Done')).toHaveCount(1)
  await expect(ada.card('Weigh the beans').getByRole('alert')).toHaveText('Grace was faster, so this is how it stands now.')
  await expect(panel.figure('Refused')).toHaveText('1')
})

test.describe('in the middle of it', () => {
  test.use({ mayComplain: true })

  test('a cut, a reload and a restart lose and double nothing', async ({ page, openBeside, ownServer: server }) => {
    const ada = new Board(await openAs(page, server, 'ada', 'workspace'))
    const grace = new Board(await openBeside(server, 'grace', 'workspace'))
    const panel = await openPanel(ada.page)

    await panel.cut.click()
    await ada.add('After a cut')
    await grace.add('While the other was cut off')
    for (const board of [ada, grace]) {
      for (const title of ['After a cut', 'While the other was cut off']) await expect(board.card(title)).toHaveCount(1)
    }

    await grace.page.reload()
    await expect(grace.card('After a cut')).toHaveCount(1)

    await server.stop()
    await expect(connectionOf(ada.page)).toHaveText('Reconnecting')
    await ada.press('After a cut', 'ArrowRight', 'Doing')
    await ada.add('While the server was away')
    await server.startAgain()
    for (const board of [ada, grace]) {
      await expect(connectionOf(board.page)).toHaveText('Connected')
      await expect(board.card('While the server was away')).toHaveCount(1)
      await expect(board.card('After a cut', 'Doing')).toHaveCount(1)
      await expect(board.card('While the other was cut off', 'To do')).toHaveCount(1)
    }
  })
})
