import type { Page } from '@playwright/test'
import type { DemoServer } from './DemoServer'
import { connectionOf, expect, openAs, test } from './fixtures'
import { PacedNetwork, type First } from './PacedNetwork'
import { bring } from './platform'

/** Places in the app, and how they are filled with what they can show: by hand, which resolves with where it is. */
const PLACES: Record<string, (page: Page, server: DemoServer) => Promise<string>> = {
  'live preview': async () => 'live-preview',
  stories: async () => 'stories',
  'a story': async (page, server) => {
    await openAs(page, server, 'ada', 'stories')
    await page.getByRole('button', { name: 'JSON', exact: true }).click()
    await expect(page.getByRole('button', { name: /^Download/ })).toBeVisible()
    return placeOf(page, 'How the club began')
  },
  inbox: async () => 'inbox',
  'a conversation of the inbox': async (page, server) => {
    await openAs(page, server, 'ada', 'inbox')
    const place = await placeOf(page, 'Bela Kranz')
    await page.goto('about:blank')
    await bring(server, 'whatsapp', 'ada', 'Bela Kranz', 'Or at five?')
    return place
  },
  assistant: async (page, server) => {
    await openAs(page, server, 'ada', 'assistant')
    const place = await placeOf(page, 'A coffee for the morning')
    await page.getByRole('button', { name: 'Ask somebody in' }).click()
    for (const name of ['Grace Hopper', 'Alan Turing']) await page.getByLabel(name).check()
    return place
  },
  workspace: async () => 'workspace',
}

/** Ways to a page: as wide as what, and what comes first. */
const WAYS: { width: number; first: First }[] = [
  { width: 1280, first: 'answers' },
  { width: 390, first: 'messages' },
]

for (const [name, fill] of Object.entries(PLACES)) {
  test.describe(name, () => {
    // Browsers stay open while the server goes.
    test.use({ mayComplain: true })

    test('moves nothing while it loads, in whatever order things come', async ({ page, newBrowser, openBeside, ownServer: server }) => {
      await bring(server, 'whatsapp', 'ada', 'Bela Kranz', 'See you at four?')
      const place = await fill(page, server)
      await openBeside(server, 'grace', place)
      for (const { width, first } of WAYS) {
        await test.step(`${width} pixels wide, ${first} first`, async () => {
          const ada = await (await newBrowser({ viewport: { width, height: 800 } })).newPage()
          const moved: unknown[] = []
          await ada.addInitScript(watchLayout)
          const network = await PacedNetwork.of(ada, first)
          await ada.goto(`${server.url}?user=ada#/${place}`)
          const isConnected = async () => (await connectionOf(ada).filter({ hasText: /^Connected$/ }).count()) > 0
          await network.deliverAll(isConnected, async (delivered, ofOthers) => {
            const shifts = await ada.evaluate(() => (window as unknown as Watched).takeShifts())
            // What others do makes lists longer: that is what they are for.
            for (const { what, isListed } of shifts) if (!(ofOthers && isListed)) moved.push({ what, after: delivered.slice(0, 200) })
          })
          expect(moved).toEqual([])
        })
      }
    })
  })
}

/** Follows a link; resolves with where it leads. */
async function placeOf(page: Page, link: string): Promise<string> {
  const before = page.url()
  await page.getByRole('link', { name: link }).click()
  await page.waitForURL((url) => url.href !== before)
  return new URL(page.url()).hash.slice(2)
}

interface Watched {
  /** What was moved on the page since this was last asked, and whether it stands in a list. */
  takeShifts(): { what: string; isListed: boolean }[]
}

/** Notes what is moved on the page without anybody having touched it. */
function watchLayout(): void {
  type LayoutShift = PerformanceEntry & { sources: { node?: Node; previousRect: DOMRect; currentRect: DOMRect }[] }
  let entries: PerformanceEntry[] = []
  const observer = new PerformanceObserver((list) => entries.push(...list.getEntries()))
  observer.observe({ type: 'layout-shift', buffered: true })

  const takeShifts: Watched['takeShifts'] = () => {
    const shifts = [...entries, ...observer.takeRecords()] as LayoutShift[]
    entries = []
    return shifts
      .flatMap(({ sources }) => sources)
      .flatMap(({ node, previousRect, currentRect }) => {
        // What is gone again moved nobody's eye.
        if (!node?.parentElement) return []
        const element = node instanceof Element ? node : node.parentElement
        const [from, to] = [previousRect, currentRect].map(({ x, y, width, height }) => `${x},${y} ${width}x${height}`)
        return [
          {
            what: `${element.tagName}.${element.className} ${element.textContent?.slice(0, 60)}: ${from} to ${to}`,
            isListed: node.parentElement.closest('ol, ul, dl, .keys, .board, [role=log]') !== null,
          },
        ]
      })
  }
  Object.assign(window, { takeShifts })
}
