/** A WebSocket without a network: what one end sends the other has in the next microtask. */

import type { WebSocketConstructor } from '../types.js'

export type Frame = string | ArrayBuffer

/** The server's end of a socket. */
export interface Peer {
  take(frame: Frame): void
  /** The client closed it. */
  closed(): void
}

/** The client's end of a socket. */
export class TestSocket {
  onopen: (() => void) | null = null
  onmessage: ((event: { data: Frame }) => void) | null = null
  onclose: (() => void) | null = null
  onerror: (() => void) | null = null
  binaryType = 'blob'
  #peer: Peer | undefined
  /** What waits, in either direction, while the network is frozen. */
  #held: (() => void)[] | undefined

  constructor(accept: (socket: TestSocket) => Peer | undefined) {
    this.#peer = accept(this)
    if (!this.#peer) queueMicrotask(() => this.onerror?.())
  }

  /** To the server. */
  send(frame: Frame): void {
    this.#pass(() => this.#peer?.take(frame))
  }

  close(): void {
    const peer = this.#peer
    this.#peer = undefined
    peer?.closed()
  }

  /** To the client. */
  deliver(data: Frame): void {
    this.#pass(() => queueMicrotask(() => this.#peer && this.onmessage?.({ data })))
  }

  /** The connection breaks, and the client notices. */
  lose(): void {
    if (!this.#peer) return
    this.close()
    this.onclose?.()
  }

  freeze(): void {
    this.#held ??= []
  }

  thaw(): void {
    const held = this.#held ?? []
    this.#held = undefined
    for (const pass of held) pass()
  }

  #pass(pass: () => void): void {
    if (this.#held) this.#held.push(pass)
    else pass()
  }
}

/** What a client is given as its `WebSocket`. */
export function socketsOf(accept: (socket: TestSocket) => Peer | undefined): WebSocketConstructor {
  return class extends TestSocket {
    constructor() {
      super(accept)
    }
  } as unknown as WebSocketConstructor
}
