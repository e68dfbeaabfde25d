import type { SamewireError } from '../error.js'
import type { Client, EventContext, EventOf, KindOf, Received, Room, RoomAddress, RoomKind } from '../types.js'
import { counted } from './counted.js'
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
  readonly #joining: FoldedRoom<Kind, Value>
  #current: FoldedRoom<Kind, Value>
  readonly #join: () => () => void
  readonly #subscribers = new Set<() => void>()

  constructor(client: Client, address: RoomAddress, fold: Fold<Kind, Value>, events: readonly string[] | undefined, onUse: () => () => void) {
    this.idle = idle(fold)
    this.#joining = { ...this.idle, status: 'joining' }
    this.#current = this.#joining
    this.#join = counted(() => {
      const onUnused = onUse()
      const leave = this.#joinNow(client, address, fold, events)
      return () => {
        leave()
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

  #set(change: Partial<FoldedRoom<Kind, Value>>): void {
    this.#current = { ...this.#current, ...change }
    for (const tell of this.#subscribers) tell()
  }

  #joinNow(client: Client, address: RoomAddress, fold: Fold<Kind, Value>, events: readonly string[] | undefined): () => void {
    const left = new AbortController()
    const refused = (error: SamewireError) => {
      if (!left.signal.aborted) this.#set({ room: undefined, status: 'refused', error })
    }
    const joined = (room: Room<Kind>) => {
      left.signal.addEventListener('abort', () => room.leave())
      if (left.signal.aborted) return room.leave()
      room.on('recovered', () => this.#set({ recovered: true }))
      room.on('reset', () => this.#set({ recovered: false }))
      room.on('removed', refused)
      this.#listen(room, fold)
      this.#set({ room, status: 'joined', error: undefined })
    }
    const options = { signal: left.signal, ...(events && { events: events as EventOf<KindOf<RoomAddress>>[] }) }
    ;(client.join(address, options) as Promise<Room<Kind>>).then(joined, refused)
    return () => left.abort()
  }

  #listen(room: Room<Kind>, fold: Fold<Kind, Value>): void {
    for (const event of Object.keys(fold.on) as EventOf<Kind>[]) {
      const apply = fold.on[event]
      if (!apply) continue
      room.on(event, (payload, context) => {
        const value = apply(this.#current.value, payload, context)
        if (value !== this.#current.value) this.#set({ value })
      })
    }
  }
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
