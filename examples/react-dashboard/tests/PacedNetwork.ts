import type { Page } from '@playwright/test'

/** What a page is given first where several things wait. */
export type First = 'answers' | 'messages'

/** Something that has come for the page. */
interface Delivery {
  /** What it is, for who reads why a test failed. */
  name: string
  /** Whether it tells what others do, which may have no end. */
  ofOthers: boolean
  give(): unknown
}

/** Paintings in a row, without anything but what others do, after which the page has all there is for it. */
const QUIET = 10

/** Every event of a room ends like this. */
const ROOM_EVENT = /"offset":\d+\}\]$/

/**
 * Everything that a page fetches, and every message of its WebSocket, given to it one by one, each painted
 * before the next comes: whatever a page may look like on its way, it does look like.
 */
export class PacedNetwork {
  readonly #page: Page
  readonly #waiting: Record<First, Delivery[]> = { answers: [], messages: [] }
  readonly #order: readonly First[]

  private constructor(page: Page, first: First) {
    this.#page = page
    this.#order = first === 'answers' ? ['answers', 'messages'] : ['messages', 'answers']
  }

  /** Stands between a page, which is not open yet, and the server. */
  static async of(page: Page, first: First): Promise<PacedNetwork> {
    const network = new PacedNetwork(page, first)
    const { answers, messages } = network.#waiting
    await page.route('**/*', async (route) => {
      const request = route.request()
      // Without the document, its script and its style nothing is painted.
      if (request.resourceType() !== 'fetch') return route.fallback()
      const response = await route.fetch().catch(() => undefined)
      // As it is at the end of a test, where a poll may be under way.
      if (!response) return
      answers.push({ name: `${request.method()} ${request.url()}`, ofOthers: false, give: () => route.fulfill({ response }) })
    })
    await page.routeWebSocket(/.*/, (socket) => {
      const server = socket.connectToServer()
      server.onMessage((message) => {
        const name = String(message)
        messages.push({ name, ofOthers: ROOM_EVENT.test(name), give: () => socket.send(message) })
      })
    })
    return network
  }

  /** Gives the page all that comes until nothing more does, and tells each time what was painted after what. */
  async deliverAll(onPainted: (delivered: string, ofOthers: boolean) => Promise<void>): Promise<void> {
    for (let quiet = 0; quiet < QUIET; quiet += 1) {
      const next = this.#order.map((kind) => this.#waiting[kind]).find(({ length }) => length > 0)?.shift()
      if (next && !next.ofOthers) quiet = 0
      await next?.give()
      await this.#page.evaluate(untilPainted)
      await onPainted(next?.name ?? 'nothing new', next?.ofOthers ?? false)
    }
  }
}

/** Until the page has painted and has nothing more to do, twice: what it draws a frame later is to be seen too. */
async function untilPainted(): Promise<void> {
  for (let round = 0; round < 2; round += 1) {
    await new Promise((resolve) => requestAnimationFrame(() => requestIdleCallback(resolve)))
  }
}
