// A network that breaks at any byte: nothing is lost, nothing comes twice, everything is in order.

import type { Transport } from '../../src/types.js'
import { Chance, printSeed, SEED } from './chance.js'
import { expect, test } from './fixtures.js'
import { Proxy, type Cut, type Passage } from './Proxy.js'
import { tokenOf } from './RealServer.js'
import { progressOf, seenBy, watch } from './watcher.js'

const EVENTS = 20_000
const EMITS = 2_000
/** Of each client. */
const CUTS = 200
/** A client may be cut so many times more than another has been by then. */
const AHEAD = 10
const BATCH = 50
const ROOM = 'room:proof'

/** How a client goes, by its name. */
const CLIENTS: Record<string, Transport[]> = {
  websocket: ['websocket'],
  upgrade: ['polling', 'websocket'],
  polling: ['polling'],
}

// What is cut without a word is soon noticed.
test.use({ settings: { PING_INTERVAL: '1s', PING_TIMEOUT: '2s' } })

test(`${CUTS} cuts during ${EVENTS} events and ${EMITS} emits, by each transport`, async ({ page, server }) => {
  printSeed()
  const names = Object.keys(CLIENTS)
  const networks = await Promise.all(names.map(async (_, index) => new BreakingNetwork(await Proxy.before(server.url), new Chance(SEED + index))))
  const fewest = () => Math.min(...networks.map(({ cuts }) => cuts))
  // Each answers every thirtieth event, in turn.
  const every = (EVENTS / EMITS) * names.length
  for (const [index, name] of names.entries()) {
    await watch(page, {
      name,
      url: networks[index]!.proxy.url,
      token: tokenOf(name),
      room: ROOM,
      options: { transports: CLIENTS[name]!, reconnectionDelay: 10, reconnectionDelayMax: 50, timeout: 2_000, ackTimeout: 2_000, retries: 1_000 },
      emits: { every, beginning: (EVENTS / EMITS) * index },
    })
  }
  for (const network of networks) network.mayCut = () => network.cuts < CUTS && network.cuts <= fewest() + AHEAD

  // No faster than the network breaks, so that there are events during all of it.
  for (let published = 0; published < EVENTS; published += BATCH) {
    await expect.poll(fewest, { intervals: [5] }).toBeGreaterThanOrEqual(Math.floor((published / EVENTS) * CUTS))
    await server.publish(...Array.from({ length: BATCH }, (_, index) => ({ room: ROOM, event: 'tick', data: { n: published + index } })))
  }
  await expect.poll(fewest).toBeGreaterThanOrEqual(CUTS)

  const emitsOf = (index: number) => numbers(EVENTS).filter((n) => n % every === (EVENTS / EMITS) * index)
  const whole = names.map((name, index) => ({ name, status: 'connected', events: EVENTS + EMITS, answers: emitsOf(index).length }))
  // All of them at once: whom one waits for is seen in what is printed where it fails.
  await expect.poll(() => Promise.all(names.map(async (name) => ({ name, ...(await progressOf(page, name)) })))).toEqual(whole)
  for (const [index, name] of names.entries()) {
    const emits = emitsOf(index)
    const saw = await seenBy(page, name)
    console.log(`${name}: ${networks[index]!.describe()}; ${saw.told.length} times recovered`)

    expect(saw.protocolErrors).toEqual([])
    // Nothing was lost for good, so nobody may say so.
    expect(new Set(saw.told)).toEqual(new Set(['recovered']))
    expect(new Set(saw.events.map(({ epoch }) => epoch)).size).toBe(1)
    expect(saw.events.map(({ offset }) => offset)).toEqual(numbers(EVENTS + EMITS).map((n) => n + 1))
    expect(saw.events.filter(({ event }) => event === 'tick').map(({ n }) => n)).toEqual(numbers(EVENTS))
    // Each was acted on once, and in the order they were emitted.
    const echoes = saw.events.filter(({ event, from }) => event === 'broadcast' && from === name)
    expect(echoes.map(({ n }) => n)).toEqual(emits)
    // Whenever the answer came, it is the first one's.
    expect(saw.emitted).toBe(emits.length)
    const answers = [...saw.answers].sort((one, other) => one.n - other.n)
    expect(answers).toEqual(echoes.map(({ n, offset }) => ({ n, offset })))
  }
  expect(await server.offset(ROOM)).toBe(EVENTS + EMITS)
  const stages = networks.map(({ stages }) => stages)
  expect(stages).toEqual([
    expect.objectContaining({ 'in a handshake': expect.any(Number), 'of a websocket': expect.any(Number) }),
    expect.objectContaining({ 'in an upgrade': expect.any(Number), 'of a websocket': expect.any(Number), 'of polling': expect.any(Number) }),
    { 'of polling': expect.any(Number) },
  ])
  for (const { proxy } of networks) await proxy.close()
})

const numbers = (count: number) => Array.from({ length: count }, (_, n) => n)

/** A proxy that cuts a client's connections at random. */
class BreakingNetwork {
  cuts = 0
  /** How many there were where. */
  readonly stages: Record<string, number> = {}

  mayCut = () => false

  constructor(
    readonly proxy: Proxy,
    readonly chance: Chance,
  ) {
    proxy.mischief = {
      cut: () => this.#cut(),
      mayCut: () => this.mayCut(),
      wasCut: (passage) => {
        // A browser keeps connections in store: one that said nothing is none of ours yet.
        if (passage.up === 0) return
        this.cuts += 1
        const stage = stageOf(passage)
        this.stages[stage] = (this.stages[stage] ?? 0) + 1
      },
    }
  }

  describe(): string {
    return `${this.cuts} cuts: ${Object.entries(this.stages).map(([stage, count]) => `${count} ${stage}`).join(', ')}`
  }

  #cut(): Cut {
    const { chance } = this
    const way = chance.happens(0.6) ? 'down' : 'up'
    // A handshake takes a kilobyte.
    const after = chance.happens(0.3) ? chance.below(1_200) : chance.below(40_000)
    return { way, after, within: 50 + chance.below(250), stall: chance.happens(0.15) ? chance.below(300) : 0, reset: chance.happens(0.5) }
  }
}

/** Where a connection was cut. */
function stageOf({ said, down }: Passage): string {
  if (!said.includes('\r\n\r\n')) return 'in a request'
  if (!/^upgrade: websocket/im.test(said)) return 'of polling'
  if (down >= 1_000) return 'of a websocket'
  return said.includes('&sid=') ? 'in an upgrade' : 'in a handshake'
}
