/** A WebSocket with a server in it: it costs as little as it can, and the same for every client. */

type Message = { data: string }

/** A host of this ending is not looked for on the network. */
const HOST = '.fake'

/** The newest socket to each host. */
const sockets = new Map<string, FakeSocket>()

/** Before any client is loaded: some keep what they find as `WebSocket` then. */
export function install(): void {
  const Real = globalThis.WebSocket
  globalThis.WebSocket = new Proxy(Real, {
    construct(_, [url, protocols]: [string, string[]?]) {
      const { hostname } = new URL(url)
      return hostname.endsWith(HOST) ? new FakeSocket(hostname) : new Real(url, protocols)
    },
  })
}

/** The socket that somebody opened to a host. */
export function socketTo(host: string): FakeSocket {
  const socket = sockets.get(host)
  if (!socket) throw new Error(`nobody has connected to ${host}`)
  return socket
}

export class FakeSocket {
  onopen: (() => void) | null = null
  onmessage: ((message: Message) => void) | null = null
  onclose: (() => void) | null = null
  onerror: (() => void) | null = null
  binaryType = 'arraybuffer'
  readyState = 1
  #swallowed: string[] = []
  /** How many frames are awaited, and who waits. */
  #awaited = 0
  #all: (() => void) | undefined

  constructor(host: string) {
    sockets.set(host, this)
    setTimeout(() => {
      this.onopen?.()
      // Heartbeats an hour apart: none falls into a measurement.
      this.receive('0{"sid":"s","upgrades":[],"pingInterval":3600000,"pingTimeout":3600000,"maxPayload":1000000}')
    })
  }

  addEventListener(): void {}

  close(): void {}

  receive(data: string): void {
    this.onmessage?.({ data })
  }

  /** Swallows frames, from now until there are so many. They are given back. */
  async swallow(count: number): Promise<string[]> {
    this.#swallowed = []
    this.#awaited = count
    await new Promise<void>((resolve) => (this.#all = resolve))
    this.#awaited = 0
    return this.#swallowed
  }

  send(frame: string): void {
    if (this.#awaited === 0) return this.#answer(frame)
    if (this.#swallowed.push(frame) === this.#awaited) this.#all?.()
  }

  /** What a server says before anything is measured. */
  #answer(frame: string): void {
    const later = (data: string) => setTimeout(() => this.receive(data))
    if (frame.startsWith('40')) {
      later('40{"sid":"x"}')
      later('42["authenticated",{"userId":"ada","connectionId":"c","protocol":"1.0","expiresAt":"2999-01-01T00:00:00.000Z"}]')
      return
    }
    const [, ack, json] = /^42(\d+)(\[.*)$/s.exec(frame) ?? []
    if (ack === undefined) return
    const [event, payload] = JSON.parse(json!)
    if (event !== 'room:join') throw new Error(`${event} came before it was measured`)
    const joined = { room: payload.room, position: { epoch: EPOCH, offset: 0 }, recovered: true, missed: 0, users: [] }
    later(`43${ack}${JSON.stringify([{ ok: true, data: joined }])}`)
  }
}

/** The epoch of every room's log. */
export const EPOCH = 'd437b0a9c941441f81523a7b324b84b4'
