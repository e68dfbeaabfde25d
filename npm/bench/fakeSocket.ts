/** A WebSocket with a server in it: it costs as little as it can, and the same for every client. */

import { answersTo, OPEN } from './handshake.js'

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
      this.receive(OPEN)
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
    if (this.#awaited === 0) for (const answer of answersTo(frame)) setTimeout(() => this.receive(answer))
    else if (this.#swallowed.push(frame) === this.#awaited) this.#all?.()
  }
}
