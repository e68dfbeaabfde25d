/** One connection, as the server sees it: Engine.IO and Socket.IO packets in and out (wire.md, sections 1 and 2). */

import { encode } from '../encode.js'
import type { Ack, Position } from '../generated/protocol.js'
import type { ReceivedEvent } from '../types.js'
import type { Member } from './TestRoom.js'
import type { Frame, Peer, TestSocket } from './TestSocket.js'

/** Milliseconds, as the server's defaults are. */
const PING_INTERVAL = 25_000
const PING_TIMEOUT = 60_000

/** The events of the server that ask for an acknowledgement (wire.md, section 1). */
const ASKING = new Set<string>(['new_message'] satisfies ReceivedEvent[])

/** What a client says of itself when it connects. */
export interface Handshake {
  token?: string
  resume?: { room: string; epoch: string; offset: number; events?: string[] }[]
}

/** What a client sent. */
export interface Emit {
  event: string
  payload: unknown
  /** Names it: what comes twice is acted on once. */
  id: string | undefined
}

export interface ConnectionHandler {
  greet(connection: Connection, handshake: Handshake): void
  /** What the client was asked to acknowledge, and has. */
  acknowledged(connection: Connection, event: string, payload: unknown): void
  emitted(connection: Connection, emit: Emit, acknowledge: (answer: Ack<unknown>) => void): void
  ended(connection: Connection): void
}

export class Connection implements Peer, Member {
  userId = ''
  readonly #pings: ReturnType<typeof setInterval>
  /** Events that are still to be acknowledged. */
  readonly #asking = new Map<number, { event: string; payload: unknown }>()
  #lastAsked = 0
  /** An event whose binary values are still to come. */
  #incoming: { packet: string; attachments: ArrayBuffer[]; missing: number } | undefined

  constructor(
    readonly socket: TestSocket,
    readonly handler: ConnectionHandler,
  ) {
    socket.deliver(`0${JSON.stringify({ sid: crypto.randomUUID(), upgrades: [], pingInterval: PING_INTERVAL, pingTimeout: PING_TIMEOUT })}`)
    this.#pings = setInterval(() => socket.deliver('2'), PING_INTERVAL)
    // Keeps no test run from ending.
    if (typeof this.#pings === 'object') this.#pings.unref?.()
  }

  send(event: string, payload: unknown, meta?: Position & { room: string }): void {
    const { text, attachments } = encode(payload)
    const args = [JSON.stringify(event), text, ...(meta ? [JSON.stringify(meta)] : [])]
    const ack = ASKING.has(event) ? this.#ask(event, payload) : ''
    this.socket.deliver(`${attachments.length > 0 ? `45${attachments.length}-` : '42'}${ack}[${args.join(',')}]`)
    for (const attachment of attachments) this.socket.deliver(attachment as ArrayBuffer)
  }

  accept(): void {
    this.socket.deliver(`40${JSON.stringify({ sid: crypto.randomUUID() })}`)
  }

  refuse(message: string): void {
    this.socket.deliver(`44${JSON.stringify({ message })}`)
  }

  /** Ends it from the server's side. */
  disconnect(): void {
    this.socket.deliver('41')
  }

  take(frame: Frame): void {
    if (typeof frame !== 'string') return this.#attached(frame)
    if (frame.startsWith('40')) return this.handler.greet(this, JSON.parse(frame.slice(2) || '{}'))
    const binary = /^45(\d+)-/.exec(frame)
    if (binary) this.#incoming = { packet: frame.slice(binary[0].length), attachments: [], missing: Number(binary[1]) }
    else if (frame.startsWith('43')) this.#acknowledged(Number.parseInt(frame.slice(2), 10))
    else if (frame.startsWith('42')) this.#emitted(frame.slice(2), [])
  }

  closed(): void {
    clearInterval(this.#pings)
    this.handler.ended(this)
  }

  #ask(event: string, payload: unknown): number {
    this.#lastAsked += 1
    this.#asking.set(this.#lastAsked, { event, payload })
    return this.#lastAsked
  }

  #acknowledged(ack: number): void {
    const asked = this.#asking.get(ack)
    if (this.#asking.delete(ack)) this.handler.acknowledged(this, asked!.event, asked!.payload)
  }

  #attached(attachment: ArrayBuffer): void {
    const incoming = this.#incoming
    if (!incoming) return
    incoming.attachments.push(attachment)
    if (incoming.attachments.length < incoming.missing) return
    this.#incoming = undefined
    this.#emitted(incoming.packet, incoming.attachments)
  }

  #emitted(packet: string, attachments: ArrayBuffer[]): void {
    const [, ack, args] = /^(\d*)(\[.*)$/s.exec(packet) ?? []
    if (args === undefined) return
    const [event, payload, meta] = JSON.parse(args, (_, value) => (value?._placeholder === true ? attachments[value.num] : value))
    this.handler.emitted(this, { event, payload, id: meta?.id }, (answer) => {
      if (ack) this.socket.deliver(`43${ack}${JSON.stringify([answer])}`)
    })
  }
}
