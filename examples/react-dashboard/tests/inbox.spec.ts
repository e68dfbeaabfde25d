import type { Locator, Page } from '@playwright/test'
import { connectionOf, expect, openAs, test } from './fixtures'
import { openPanel } from './openPanel'
import { bring, tellTyping } from './platform'

/** The inbox, in the words of who uses it. */
class Inbox {
  constructor(readonly page: Page) {}

  conversation(name: string): Locator {
    return this.page.getByRole('link', { name })
  }

  /** What stands on a platform's badge. */
  platform(name: string): Locator {
    return this.page.getByRole('group', { name: 'Platforms' }).getByRole('button', { name })
  }

  get messages(): Locator {
    return this.page.getByRole('log', { name: 'Messages' }).getByRole('article')
  }

  receipt(text: string): Locator {
    return this.messages.filter({ hasText: text }).getByRole('img')
  }
}

test('what comes in is told on every page, and what is read on one device is read on the other', async ({ page, openBeside, server }) => {
  const phone = new Inbox(await openAs(page, server, 'ada', 'inbox'))
  const laptop = new Inbox(await openBeside(server, 'ada', 'inbox'))
  const grace = await openBeside(server, 'grace', 'workspace')
  await bring(server, 'discord', 'ada', 'Ottilie Brandt', 'Is it back in stock?')
  await bring(server, 'discord', 'ada', 'Ottilie Brandt', 'The Ethiopian, I mean.')
  await bring(server, 'slack', 'grace', 'Piet Visser', 'Are you there?')
  for (const inbox of [phone, laptop]) {
    await expect(inbox.conversation('Ottilie Brandt')).toContainText('The Ethiopian, I mean.')
    await expect(inbox.platform('Discord')).toContainText('2')
    await expect(inbox.conversation('Piet Visser').filter({ hasText: 'Are you there?' })).toHaveCount(0)
  }
  await expect(grace.getByRole('link', { name: 'Inbox' })).toContainText(/\d unread/)

  await laptop.conversation('Ottilie Brandt').click()
  await expect(laptop.messages).toHaveCount(2)
  await expect(laptop.receipt('back in stock')).toHaveAccessibleName('Read')
  await expect(phone.platform('Discord')).not.toContainText('unread')
  await expect(phone.conversation('Ottilie Brandt')).not.toContainText('unread')

  await bring(server, 'discord', 'ada', 'Ottilie Brandt', 'Two bags, please.')
  await expect(laptop.messages).toHaveCount(3)
  await expect(laptop.receipt('Two bags')).toHaveAccessibleName('Read')
  await expect(phone.conversation('Ottilie Brandt')).toContainText('Two bags, please.')
  await expect(phone.platform('Discord')).not.toContainText('unread')
})

test('a message that comes in while the inbox is read is shown with all the others', async ({ page, ownServer: server }) => {
  let release = () => {}
  const released = new Promise<void>((resolve) => (release = resolve))
  await page.route('**/api/inbox/conversations*', async (route) => {
    await released
    await route.continue()
  })
  const inbox = new Inbox(await openAs(page, server, 'ada', 'inbox'))
  await bring(server, 'discord', 'ada', 'Ottilie Brandt', 'Is it back in stock?')
  await expect(page.getByRole('link', { name: 'Inbox' })).toContainText('unread')
  await expect(inbox.conversation('Ottilie Brandt')).toHaveCount(0)
  release()
  for (const name of ['Ottilie Brandt', 'Jonas Keller']) await expect(inbox.conversation(name)).toBeVisible()
})

test('somebody who types is shown as such, until they stop, or what they typed has come', async ({ page, server }) => {
  const id = await bring(server, 'telegram', 'katherine', 'Runa Falk', 'Hello?')
  const inbox = new Inbox(await openAs(page, server, 'katherine', 'inbox'))
  const runa = inbox.conversation('Runa Falk')
  await expect(runa).toContainText('Hello?')
  // It ends by itself, so it is said until it is seen, as a platform does.
  const typesUntil = (seen: () => Promise<void>) =>
    expect(async () => {
      await tellTyping(server, 'typing:start', 'katherine', id)
      await seen()
    }).toPass()
  await typesUntil(() => expect(runa).toContainText('is typing…', { timeout: 3_000 }))
  await tellTyping(server, 'typing:stop', 'katherine', id)
  await expect(runa).toContainText('Hello?')

  await runa.click()
  await expect(inbox.messages).toHaveCount(1)
  const dots = page.getByRole('img', { name: 'Runa Falk is typing' })
  await typesUntil(() => expect(dots).toBeVisible({ timeout: 3_000 }))
  await bring(server, 'telegram', 'katherine', 'Runa Falk', 'Is anybody there?')
  await expect(inbox.messages).toHaveCount(2)
  await expect(dots).toHaveCount(0)
})

test('one platform is shown alone', async ({ page, server }) => {
  await bring(server, 'telegram', 'ada', 'Runa Falk', 'When do you open?')
  await bring(server, 'sms', 'ada', 'Ivo Lang', 'Ten minutes late')
  const inbox = new Inbox(await openAs(page, server, 'ada', 'inbox'))
  await inbox.platform('Telegram').click()
  await expect(inbox.conversation('Runa Falk')).toBeVisible()
  await expect(inbox.conversation('Ivo Lang')).toHaveCount(0)
  await inbox.platform('All').click()
  await expect(inbox.conversation('Ivo Lang')).toBeVisible()
})

test.describe('in the middle of it', () => {
  test.use({ mayComplain: true })

  test('a cut, a reload and a restart lose and double nothing', async ({ page, ownServer: server }) => {
    await bring(server, 'email', 'ada', 'Mill and Sons', 'The first')
    const inbox = new Inbox(await openAs(page, server, 'ada', 'inbox'))
    await inbox.conversation('Mill and Sons').click()
    await expect(inbox.messages).toHaveCount(1)

    const panel = await openPanel(page)
    await panel.offline.click()
    await expect(connectionOf(page)).toHaveText('Disconnected')
    await bring(server, 'email', 'ada', 'Mill and Sons', 'The second')
    await panel.online.click()
    await expect(inbox.messages).toHaveCount(2)
    await expect(inbox.receipt('The second')).toHaveAccessibleName('Read')

    await page.reload()
    await expect(inbox.messages).toHaveCount(2)

    await server.stop()
    await expect(connectionOf(page)).toHaveText('Reconnecting')
    await server.startAgain()
    // Before the page is back: nothing tells it of this one but what it reads.
    await bring(server, 'email', 'ada', 'Mill and Sons', 'The third')
    await expect(inbox.messages).toHaveCount(3)
    await expect(inbox.messages.last()).toContainText('The third')
    await expect(inbox.receipt('The third')).toHaveAccessibleName('Read')
    await expect(inbox.conversation('Mill and Sons')).not.toContainText('unread')
  })
})

test('a message that reached a page is delivered, one that is looked at is read', async ({ page, server }) => {
  const inbox = new Inbox(await openAs(page, server, 'alan', 'workspace'))
  await bring(server, 'messenger', 'alan', 'Tilda Voss', 'Any seats left?')
  await expect(page.getByRole('link', { name: 'Inbox' })).toContainText('unread')
  await expect.poll(() => statusOfLast(page, server.url)).toBe('delivered')
  await page.getByRole('link', { name: 'Inbox' }).click()
  await inbox.conversation('Tilda Voss').click()
  await expect(inbox.receipt('Any seats left?')).toHaveAccessibleName('Read')
  expect(await statusOfLast(page, server.url)).toBe('read')
})

/** What the server says of the newest message that Tilda sent to alan. */
async function statusOfLast(page: Page, url: string): Promise<string> {
  const token = await (await page.request.get(`${url}demo/token?user=alan`)).text()
  const read = async (path: string) => (await page.request.get(`${url}api/inbox/${path}`, { headers: { authorization: `Bearer ${token}` } })).json()
  const { id } = (await read('conversations')).conversations.find(({ title }: { title: string }) => title === 'Tilda Voss')
  return (await read(`conversations/${id}/messages`)).messages[0].status
}
