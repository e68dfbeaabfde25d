import type { SamewireError } from '../../error.js'
import type { User } from '../../protocol.js'
import type { Client, ConnectionState, Handler, JoinOptions, Off, Session, Stats } from '../../types.js'

const CONNECTED: ConnectionState = { status: 'connected', transport: 'websocket' }

/** A client without a server: a test says what arrives, and reads what was asked of it. */
export class FakeClient implements Client {
  state: ConnectionState = CONNECTED
  session: Session | undefined = { userId: 'ada', connectionId: 'c1', protocol: '1.0', expiresAt: '2026-01-01T00:00:00.000Z' }
  /** What went out, in order: `connect`, `join project:1`, `presence:update {…}`. */
  readonly sent: string[] = []
  readonly rooms = new Map<string, FakeRoom>()
  /** Makes joins wait until `admit` or `refuse` is called. */
  holdJoins = false
  readonly #listeners = new Set<() => void>()
  readonly #handlers = new Handlers()
  readonly #waiting: { admit(): void; refuse(error: SamewireError): void }[] = []

  get stats(): Stats {
    const inRooms = [...this.rooms.values()].reduce((sum, room) => sum + room.handlers.size + room.presence.size, 0)
    const listeners = this.#listeners.size + this.#handlers.size + inRooms
    return { timers: 0, listeners, sockets: 0, rooms: this.rooms.size, pendingEmits: 0 }
  }

  get positions(): Map<string, undefined> {
    return new Map([...this.rooms.keys()].map((room) => [room, undefined]))
  }

  become(state: ConnectionState): void {
    this.state = state
    for (const listener of this.#listeners) listener()
  }

  receive(event: string, payload: unknown, room?: string): void {
    this.#handlers.call(event, payload, room)
    if (room) this.rooms.get(room)?.handlers.call(event, payload, room)
  }

  admit(): void {
    for (const join of this.#waiting.splice(0)) join.admit()
  }

  refuse(error: SamewireError): void {
    for (const join of this.#waiting.splice(0)) join.refuse(error)
  }

  subscribe(listener: () => void): Off {
    this.#listeners.add(listener)
    return offOf(() => this.#listeners.delete(listener))
  }

  on(event: string, handler: Handler<never>, options?: { room?: string }): Off {
    return this.#handlers.add(event, handler, options?.room)
  }

  async emit(event: string, payload: unknown): Promise<never> {
    this.sent.push(`${event} ${JSON.stringify(payload)}`)
    return {} as never
  }

  async join(address: string, { signal, events }: JoinOptions = {}): Promise<never> {
    this.sent.push(['join', address, ...(events ?? [])].join(' '))
    if (this.holdJoins) {
      await new Promise<void>((admit, refuse) => {
        this.#waiting.push({ admit, refuse })
        signal?.addEventListener('abort', () => refuse(signal.reason))
      })
    }
    const room = new FakeRoom(address, () => {
      this.sent.push(`leave ${address}`)
      this.rooms.delete(address)
    })
    this.rooms.set(address, room)
    return room as unknown as never
  }

  async fetch(): Promise<Response> {
    throw new Error('there is no server')
  }

  connect(): void {
    this.sent.push('connect')
  }

  disconnect(): void {
    this.sent.push('disconnect')
  }

  close(): void {
    this.sent.push('close')
  }

  [Symbol.dispose](): void {
    this.close()
  }
}

/** A joined room, told by the test what happens in it. */
export class FakeRoom {
  readonly position = undefined
  readonly handlers = new Handlers()
  readonly presence = new FakePresence()
  readonly #onLeave: () => void

  constructor(
    readonly address: string,
    onLeave: () => void,
  ) {
    this.#onLeave = onLeave
  }

  on(event: string, handler: Handler<never>): Off {
    return this.handlers.add(event, handler)
  }

  leave(): void {
    this.handlers.clear()
    this.#onLeave()
  }

  [Symbol.dispose](): void {
    this.leave()
  }
}

class FakePresence {
  users: readonly User[] = []
  readonly #listeners = new Set<() => void>()

  get size(): number {
    return this.#listeners.size
  }

  become(users: readonly User[]): void {
    this.users = users
    for (const listener of this.#listeners) listener()
  }

  subscribe(listener: () => void): Off {
    this.#listeners.add(listener)
    return offOf(() => this.#listeners.delete(listener))
  }
}

class Handlers {
  #all: { event: string; handler: Handler<never>; room: string | undefined }[] = []

  get size(): number {
    return this.#all.length
  }

  add(event: string, handler: Handler<never>, room?: string): Off {
    const entry = { event, handler, room }
    this.#all.push(entry)
    return offOf(() => (this.#all = this.#all.filter((other) => other !== entry)))
  }

  call(event: string, payload: unknown, room?: string): void {
    for (const entry of this.#all) {
      const hears = entry.event === event && (entry.room === undefined || entry.room === room)
      if (hears) entry.handler(payload as never, room === undefined ? {} : { room })
    }
  }

  clear(): void {
    this.#all = []
  }
}

function offOf(end: () => void): Off {
  return Object.assign(() => void end(), { [Symbol.dispose]: () => void end() })
}

/** The client as the hooks see it. */
export function asClient(fake: FakeClient): Client {
  return fake as unknown as Client
}

