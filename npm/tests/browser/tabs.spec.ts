// Many tabs of one user: each sees all of it.

import { expect, open, test } from './fixtures.js'
import { tokenOf } from './RealServer.js'
import { progressOf, seenBy, watch } from './watcher.js'

const TABS = 10
const EVENTS = 2_000
const ROOM = 'room:tabs'

test(`${TABS} tabs see the same events, each all of them`, async ({ page, context, server, site }) => {
  const tabs = [page, ...(await Promise.all(Array.from({ length: TABS - 1 }, () => context.newPage())))]
  await Promise.all(
    tabs.map(async (tab, index) => {
      if (tab !== page) await open(tab, site)
      // The first ones answer each tenth event, in turn.
      await watch(tab, { name: `tab ${index}`, url: server.url, token: tokenOf('ada'), room: ROOM, ...(index < 2 && { emits: { every: 20, beginning: index * 10 } }) })
    }),
  )
  for (let n = 0; n < EVENTS; n += 100) {
    await server.publish(...Array.from({ length: 100 }, (_, index) => ({ room: ROOM, event: 'tick', data: { n: n + index } })))
  }
  const all = EVENTS + EVENTS / 10
  for (const [index, tab] of tabs.entries()) {
    await expect.poll(() => progressOf(tab, `tab ${index}`)).toMatchObject({ events: all, status: 'connected' })
  }
  const [first, ...others] = await Promise.all(tabs.map((tab, index) => seenBy(tab, `tab ${index}`)))
  expect(first!.events.map(({ offset }) => offset)).toEqual(Array.from({ length: all }, (_, index) => index + 1))
  expect(first!.events.filter(({ event }) => event === 'tick').map(({ n }) => n)).toEqual(Array.from({ length: EVENTS }, (_, n) => n))
  for (const other of others) expect(other.events).toEqual(first!.events)
  expect([first!, ...others].flatMap(({ told }) => told)).toEqual([])

  // To the others they are one person.
  const users = () =>
    page.evaluate(async (room) => {
      const joined = await window.watchers.get('tab 0')!.client.join(room as 'room:tabs')
      return joined.presence.users.map(({ userId, connections }) => ({ userId, connections }))
    }, ROOM)
  // It is told by and by who comes.
  await expect.poll(users).toEqual([{ userId: 'ada', connections: TABS }])
})
