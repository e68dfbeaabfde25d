/** Each order of transports, against the real server. `SAMEWIRE_SERVER` names its program; build it by `cargo build -p samewire-server`. */

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { startServer, type StartedServer } from '../../server/tests/clients/node/server.mjs'
import { createClient } from '../src/index.node.js'
import type { Client, ConnectionState, Transport, WebSocketConstructor } from '../src/types.js'
import { eventually } from './eventually.js'

/** As where something between blocks websockets. */
class Blocked {
  constructor() {
    throw new Error('websockets are blocked here')
  }
}

/** Opens, and then says nothing. */
class Mute {
  onopen: (() => void) | null = null
  constructor() {
    setImmediate(() => this.onopen?.())
  }
  send() {}
  close() {}
}

/** Reaches the server, and is lost before it can say anything. */
class Severed {
  onopen: (() => void) | null = null
  onclose: (() => void) | null = null
  readonly #real: WebSocket
  constructor(url: string) {
    this.#real = new WebSocket(url)
    this.#real.on('open', () => this.onopen?.())
    this.#real.on('close', () => this.onclose?.())
  }
  send() {
    this.#real.terminate()
  }
  close() {
    this.#real.terminate()
  }
}

describe('over the real server', () => {
  let server: StartedServer
  let address: string
  let token: string
  const clients: Client[] = []

  beforeAll(async () => {
    server = await startServer({ flags: ['--demo'], env: { JWT_SECRET: undefined, RATE_LIMIT_MAX: '100000' } })
    address = server.url
    const answer = await (await fetch(`${address}/demo/token?user=ada`)).text()
    token = answer.startsWith('{') ? JSON.parse(answer).token : answer
  }, 60_000)

  afterAll(() => server?.stop())

  afterEach(() => {
    for (const client of clients.splice(0)) {
      client.close()
      expect(client.stats).toEqual({ timers: 0, listeners: 0, sockets: 0, rooms: 0, pendingEmits: 0 })
    }
  })

  function connect(transports: Transport[] | undefined, constructor: unknown = WebSocket): { client: Client; states: ConnectionState[] } {
    const client = createClient(address, { token, ...(transports && { transports }), WebSocket: constructor as WebSocketConstructor, reconnectionDelay: 50 })
    const states: ConnectionState[] = []
    client.subscribe(() => client.state !== states.at(-1) && states.push(client.state))
    clients.push(client)
    client.connect()
    return { client, states }
  }

  const goesBy = (client: Client, transport: Transport) => eventually(() => expect(client.state).toEqual({ status: 'connected', transport }))

  /** Sends events, each of which is answered and brings another: all of them come, once and in order. */
  async function exchange(client: Client, count: number): Promise<void> {
    const answered: number[] = []
    let pongs = 0
    const off = client.on('pong', () => (pongs += 1))
    const all = Array.from({ length: count }, async (_, number) => {
      // Some together and some apart, so that there is always something under way.
      await new Promise((resolve) => setTimeout(resolve, Math.floor(number / 4)))
      await client.emit('ping', {}, { retries: 0 })
      answered.push(number)
    })
    await Promise.all(all)
    await eventually(() => expect(pongs).toBe(count))
    expect(answered).toEqual(answered.map((_, number) => number))
    off()
  }

  it('goes by a websocket by itself', async () => {
    const { client } = connect(undefined)
    await goesBy(client, 'websocket')
    await exchange(client, 20)
  })

  it('goes by polling alone when told to', async () => {
    const { client } = connect(['polling'])
    await goesBy(client, 'polling')
    await exchange(client, 60)
    expect(client.stats.sockets).toBe(1)
  })

  it('begins by polling and is taken over by a websocket, in the middle of things', async () => {
    const { client, states } = connect(['polling', 'websocket'])
    await exchange(client, 200)
    await goesBy(client, 'websocket')
    expect(client.stats.sockets).toBe(1)
    expect(states.map(({ status }) => status)).not.toContain('reconnecting')
  })

  it('falls back to polling where websockets are blocked', async () => {
    const { client, states } = connect(['websocket', 'polling'], Blocked)
    await goesBy(client, 'polling')
    await exchange(client, 20)
    expect(states.map(({ status }) => status)).not.toContain('reconnecting')
  })

  it('stays with polling where the websocket never answers', async () => {
    const { client } = connect(['polling', 'websocket'], Mute)
    await goesBy(client, 'polling')
    await exchange(client, 20)
  })

  it('stays with polling where the websocket of each upgrade is lost, and the session with it', async () => {
    const { client, states } = connect(['polling', 'websocket'], Severed)
    const lost = () => states.filter(({ status }) => status === 'reconnecting').length
    await eventually(() => expect(lost()).toBe(1))
    await goesBy(client, 'polling')
    await exchange(client, 60)
    expect(lost()).toBe(1)
  })

  it('does without polling when told to', async () => {
    const { client } = connect(['websocket'], Blocked)
    await eventually(() => expect(client.state).toMatchObject({ status: 'reconnecting', reason: { code: 'CONNECT_FAILED' } }))
  })
})
