import { SamewireError } from '../error.js'
import type { Client, EventContext, EventOf, Handler, KindOf, Received, Room, RoomAddress, RoomKind } from '../types.js'
import { counted } from './counted.js'
import { sameFields } from './selected.js'
import type { Store } from './useStore.js'

/** How a room is to the component that asked for it. */
export interface RoomState<Kind extends RoomKind = RoomKind> {
  /** To listen to, once joined. */
  room: Room<Kind> | undefined
  status: 'idle' | 'joining' | 'joined' | 'refused'
  /** Why it was refused, or taken away later. */
  error: SamewireError | undefined
  /** `false` when the last reconnect couldn't bring what was missed: what was read before is stale. */
  recovered: boolean
}

/** What a room's events add up to: a value, and how each event changes it. */
export interface Fold<Kind extends RoomKind, Value> {
  /** Tells it from other folds over the same room. */
  readonly name: string
  readonly initial: Value
  readonly on: { readonly [Event in EventOf<Kind>]?: (value: Value, payload: Received[Event], context: EventContext) => Value }
  /**
   * Reads what was before the room was joined, and again whenever what was missed is lost.
   *
   * Gives how the value is from then on: `before` has all events so far, `withSince` applies those again
   * that have come since the reading began, of which what was read may have some.
   */
  readonly read?: (client: Client, signal: AbortSignal) => Promise<(before: Value, withSince: (value: Value) => Value) => Value>
  /** Whether something is missing in a value that only reading brings. */
  readonly lacks?: (value: Value) => boolean
  /** Tells which events are about this room of those that are sent to no room: to whoever joins it while something is under way. */
  readonly concerns?: (payload: object) => boolean
}

/** A room, and what its events add up to. */
export interface FoldedRoom<Kind extends RoomKind, Value> extends RoomState<Kind> {
  value: Value
}

/**
 * A room that is joined while anything subscribes, with the value of a fold over its events.
 * Who leaves it forgets the value: what is sent meanwhile would be missing in it.
 */
export class RoomStore<Kind extends RoomKind, Value> implements Store<FoldedRoom<Kind, Value>> {
  readonly idle: FoldedRoom<Kind, Value>
  readonly #client: Client
  readonly #fold: Fold<Kind, Value>
  readonly #joining: FoldedRoom<Kind, Value>
  #current: FoldedRoom<Kind, Value>
  readonly #join: () => () => void
  readonly #subscribers = new Set<() => void>()
  /** What has come since the reading began that is under way. */
  #since: ((value: Value) => Value)[] | undefined
  #left = new AbortController()

  constructor(client: Client, address: RoomAddress, fold: Fold<Kind, Value>, events: readonly string[] | undefined, onUse: () => () => void) {
    this.#client = client
    this.#fold = fold
    this.idle = idle(fold)
    this.#joining = { ...this.idle, status: 'joining' }
    this.#current = this.#joining
    this.#join = counted(() => {
      const onUnused = onUse()
      this.#joinNow(address, events)
      return () => {
        this.#left.abort()
        this.#since = undefined
        this.#current = this.#joining
        onUnused()
      }
    })
  }

  get(): FoldedRoom<Kind, Value> {
    return this.#current
  }

  subscribe(onChange: () => void): () => void {
    this.#subscribers.add(onChange)
    const leave = this.#join()
    return () => {
      this.#subscribers.delete(onChange)
      leave()
    }
  }

  /** Changes the value by what is done here, ahead of what the room will say. */
  change(by: (value: Value) => Value): void {
    this.#set({ value: by(this.#current.value) })
    if (!this.#since && this.#fold.lacks?.(this.#current.value)) void this.read()
  }

  /** Changes the value by what the server said, which a reading that is under way may not know of. */
  hear(by: (value: Value) => Value): void {
    this.#since?.push(by)
    this.change(by)
  }

  /** Reads anew what was before. */
  async read(): Promise<void> {
    const { read } = this.#fold
    if (!read) return
    const { signal } = this.#left
    const since: ((value: Value) => Value)[] = (this.#since = [])
    const over = () => signal.aborted || this.#since !== since
    for (let delay = FIRST_RETRY; !over(); delay = Math.min(2 * delay, LAST_RETRY)) {
      since.length = 0
      try {
        const onto = await read(this.#client, signal)
        if (over()) return
        this.#since = undefined
        const value = onto(this.#current.value, (read) => since.reduce((value, apply) => apply(value), read))
        return this.#set({ value, status: 'joined', error: undefined })
      } catch (cause) {
        if (over()) return
        const error = asError(cause)
        if (!error.retryable) return this.#set({ status: 'refused', error })
        this.#set({ error })
        await wait(error.retryAfterMs ?? delay, signal)
      }
    }
  }

  #set(change: Partial<FoldedRoom<Kind, Value>>): void {
    const current = { ...this.#current, ...change }
    if (sameFields(current, this.#current)) return
    this.#current = current
    for (const tell of this.#subscribers) tell()
  }

  #joinNow(address: RoomAddress, events: readonly string[] | undefined): void {
    const left = (this.#left = new AbortController())
    const refused = (error: SamewireError) => {
      this.#since = undefined
      if (!left.signal.aborted) this.#set({ room: undefined, status: 'refused', error })
    }
    const joined = (room: Room<Kind>) => {
      left.signal.addEventListener('abort', () => room.leave())
      if (left.signal.aborted) return room.leave()
      room.on('recovered', () => this.#set({ recovered: true }))
      room.on('reset', () => {
        this.#set({ recovered: false })
        void this.read()
      })
      room.on('removed', refused)
      this.#listen(room, left.signal)
      this.#set({ room, status: this.#fold.read ? 'joining' : 'joined', error: undefined })
      void this.read()
    }
    const options = { signal: left.signal, ...(events && { events: events as EventOf<KindOf<RoomAddress>>[] }) }
    ;(this.#client.join(address, options) as Promise<Room<Kind>>).then(joined, refused)
  }

  #listen(room: Room<Kind>, left: AbortSignal): void {
    const { on, concerns } = this.#fold
    for (const event of Object.keys(on) as EventOf<Kind>[]) {
      const apply = on[event]
      if (!apply) continue
      const take: Handler<Received[EventOf<Kind>]> = (payload, context) => {
        this.hear((value) => apply(value, payload, context))
        // It has arrived, where the server wants to know.
        context.acknowledge?.({})
      }
      room.on(event, take)
      if (!concerns) continue
      const off = this.#client.on(event, (payload, context) => {
        if (context.room === undefined && concerns(payload as object)) take(payload, context)
      })
      left.addEventListener('abort', off)
    }
  }
}

/** Milliseconds after which a failed reading is tried again, doubled each time. */
const FIRST_RETRY = 1_000
const LAST_RETRY = 30_000

function asError(cause: unknown): SamewireError {
  if (cause instanceof SamewireError) return cause
  return new SamewireError('CONNECT_FAILED', cause instanceof Error ? cause.message : String(cause), true)
}

function wait(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds)
    signal.addEventListener('abort', () => {
      clearTimeout(timer)
      resolve()
    })
  })
}

/** What there is to say of a room that nobody wants to join. */
export function idle<Kind extends RoomKind, Value>(fold: Fold<Kind, Value>): FoldedRoom<Kind, Value> {
  return { room: undefined, status: 'idle', error: undefined, recovered: true, value: fold.initial }
}

const storesOfClients = new WeakMap<Client, Map<string, RoomStore<never, unknown>>>()

/** The one store of a room and a fold: components that show the same see the same. */
export function roomStore<Kind extends RoomKind, Value>(
  client: Client,
  address: RoomAddress,
  fold: Fold<Kind, Value>,
  events?: readonly string[],
): RoomStore<Kind, Value> {
  let stores = storesOfClients.get(client)
  if (!stores) storesOfClients.set(client, (stores = new Map()))
  const key = JSON.stringify([fold.name, address, events])
  const known = stores.get(key) as RoomStore<Kind, Value> | undefined
  if (known) return known

  const keep = () => {
    stores.set(key, made as unknown as RoomStore<never, unknown>)
    return () => void stores.delete(key)
  }
  const made = new RoomStore(client, address, fold, events, keep)
  // Found by the other components of this rendering, before any of them uses it.
  keep()
  return made
}
