import type { Page } from '@playwright/test'
import type { Client, ClientOptions } from '../../src/types.js'

/** Who watches, and what. */
export interface Plan {
  name: string
  url: string
  token: string
  room: `room:${string}`
  options?: Omit<ClientOptions, 'fetch'>
  /** Answers each of these ticks by a broadcast of its own. */
  emits?: { every: number; beginning: number }
}

/** A client in the page, with all that it saw of a room. */
export interface Watcher {
  client: Client
  saw: Saw
}

/** What a client saw, in order. */
export interface Saw {
  /** The room's events, each with its place in the room's log. */
  events: { event: string; from: string; n: number; epoch: string; offset: number }[]
  /** What it was told of the room besides. */
  told: string[]
  /** The answer to each of its emits, in the order they came. */
  answers: { n: number; offset?: number; code?: string }[]
  emitted: number
  protocolErrors: string[]
  /** Each state it came into. */
  states: string[]
}

/** Begins to watch in the page, and resolves when the room is joined. */
export async function watch(page: Page, plan: Plan): Promise<void> {
  await page.evaluate(async ({ name, url, token, room: address, options, emits }: Plan) => {
    const client = window.createClient(url, { token, ...options })
    const saw: Saw = { events: [], told: [], answers: [], emitted: 0, protocolErrors: [], states: [] }
    window.watchers ??= new Map()
    window.watchers.set(name, { client, saw })
    client.subscribe(() => {
      const { status } = client.state
      if (saw.states.at(-1) !== status) saw.states.push(status)
    })
    client.on('protocol-error', ({ event, path, message }) => saw.protocolErrors.push(`${event}: ${path}: ${message}`))

    const emit = (n: number) => {
      saw.emitted += 1
      client.emit('broadcast', { room: address, event: 'echo', data: { from: name, n } }).then(
        ({ position }) => saw.answers.push({ n, offset: position.offset }),
        (error) => saw.answers.push({ n, code: error.code }),
      )
    }
    const room = await client.join(address)
    const see = (event: string, from: string, n: number, { epoch, offset } = { epoch: '', offset: NaN }) => saw.events.push({ event, from, n, epoch, offset })
    // An event that the protocol doesn't declare.
    room.on('tick' as 'broadcast', (payload, { position }) => {
      const { n } = payload as unknown as { n: number }
      see('tick', '', n, position)
      if (emits && n % emits.every === emits.beginning) emit(n)
    })
    room.on('broadcast', ({ data }, { position }) => {
      const { from, n } = data as { from: string; n: number }
      see('broadcast', from, n, position)
    })
    room.on('recovered', () => saw.told.push('recovered'))
    room.on('reset', () => saw.told.push('reset'))
    room.on('removed', () => saw.told.push('removed'))
  }, plan)
}

/** What somebody saw by now. */
export const seenBy = (page: Page, name: string): Promise<Saw> => page.evaluate((name) => window.watchers.get(name)!.saw, name)

/** How far somebody is: enough to wait for. */
export const progressOf = (page: Page, name: string) =>
  page.evaluate((name) => {
    const { client, saw } = window.watchers.get(name)!
    return { events: saw.events.length, answers: saw.answers.length, status: client.state.status }
  }, name)
