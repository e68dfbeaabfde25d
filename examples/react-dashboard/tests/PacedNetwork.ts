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

/** A request whose answer tells what others have done by now: what a visitor typed. */
const ASKS_FOR_OTHERS = /\/api\/sessions\/[^/]+\/events$/

/** An emit that is to be answered begins like this, and its answer like that. */
const EMIT = /^42(\d+)\[/
const ANSWER = /^43(\d+)\[/

/**
 * Everything that a page fetches, and every message of its WebSocket, given to it one by one, each painted
 * before the next comes: whatever a page may look like on its way, it does look like.
 */
export class PacedNetwork {
  readonly #page: Page
  readonly #waiting: Record<First, Delivery[]> = { answers: [], messages: [] }
  readonly #order: readonly First[]
  /** What the page asked for and the server has yet to answer: requests, and emits by their numbers. */
  #requests = 0
  readonly #emits = new Set<string>()

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
      // One that waits for messages is answered when there are any.
      const isPoll = request.url().includes('/socket.io/')
      if (!isPoll) network.#requests += 1
      const response = await route.fetch().catch(() => undefined)
      if (!isPoll) network.#requests -= 1
      // As it is at the end of a test, where a poll may be under way.
      if (!response) return
      answers.push({ name: `${request.method()} ${request.url()}`, ofOthers: ASKS_FOR_OTHERS.test(request.url()), give: () => route.fulfill({ response }) })
    })
    await page.routeWebSocket(/.*/, (socket) => {
      const server = socket.connectToServer()
      network.#emits.clear()
      socket.onMessage((message) => {
        const ack = EMIT.exec(String(message))?.[1]
        if (ack !== undefined) network.#emits.add(ack)
        server.send(message)
      })
      server.onMessage((message) => {
        const name = String(message)
        network.#emits.delete(ANSWER.exec(name)?.[1] ?? '')
        messages.push({ name, ofOthers: ROOM_EVENT.test(name), give: () => socket.send(message) })
      })
    })
    return network
  }

  /**
   * Gives the page all that comes until it `isThere`, everything that it asked for is answered, however long the
   * server takes, and nothing more comes; and tells each time what was painted after what.
   */
  async deliverAll(isThere: () => Promise<boolean>, onPainted: (delivered: string, ofOthers: boolean) => Promise<void>): Promise<void> {
    for (let quiet = 0; quiet < QUIET; quiet += 1) {
      const next = this.#order.map((kind) => this.#waiting[kind]).find(({ length }) => length > 0)?.shift()
      const isAsking = this.#requests > 0 || this.#emits.size > 0
      if ((next && !next.ofOthers) || isAsking || !(await isThere())) quiet = 0
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
