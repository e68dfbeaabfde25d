import type { SamewireError } from '../error.js'
import type { Action, DataUpdated, Item, Position } from '../protocol.js'
import type { EventContext } from '../types.js'
import { sameFields } from './selected.js'

/** The items of one kind in a room: as the room has them, and what was changed here ahead of it. */
export interface RealtimeItems {
  readonly confirmed: ReadonlyMap<string, Item>
  /** How much of the room's log is in `confirmed` by the snapshot that was read. */
  readonly position: Position | undefined
  /** What was changed here and isn't in `confirmed` yet, in the order of the changes. */
  readonly pending: readonly PendingUpdate[]
  /** Why the last change was taken back. */
  readonly refusal: SamewireError | undefined
}

/** A change that is shown before the room says so. */
export interface PendingUpdate {
  readonly number: number
  readonly id: string
  readonly action: Action
  /** The fields that it sets. */
  readonly fields: object
  /** What the server stored of it. */
  readonly stored?: Item
  /** The newest version of the item that the room told of since. */
  readonly heard?: number
  /** A snapshot was read since: the room may never tell of it. */
  readonly reread?: boolean
}

export const NO_ITEMS: RealtimeItems = { confirmed: new Map(), position: undefined, pending: [], refusal: undefined }

/** The room told of a change, whoever made it. */
export function heard(items: RealtimeItems, { id, action, data, version }: DataUpdated, context: EventContext): RealtimeItems {
  if (isCovered(items, context)) return items
  const confirmed = new Map(items.confirmed)
  if (action === 'delete') confirmed.delete(id)
  else confirmed.set(id, { id, version, data })
  const pending = items.pending.map((update) => (update.id === id ? { ...update, heard: version } : update))
  return settle({ ...items, confirmed, pending })
}

/** Whether a snapshot has it already. */
export function isCovered({ position }: RealtimeItems, { position: at }: EventContext): boolean {
  return position !== undefined && at?.epoch === position.epoch && at.offset <= position.offset
}

/** A snapshot was read, which takes the place of all that was heard so far. */
export function readAnew(items: RealtimeItems, snapshot: readonly Item[], position: Position): RealtimeItems {
  const confirmed = new Map(snapshot.map((item) => [item.id, item]))
  // What had been stored before it was read is in it.
  const pending = items.pending.filter(({ stored }) => !stored).map((update) => ({ ...update, reread: true }))
  return { ...items, confirmed, position, pending }
}

export function begun(items: RealtimeItems, update: PendingUpdate): RealtimeItems {
  return { ...items, pending: [...items.pending, update] }
}

/** The server acted on it. It stays shown until the room tells of it. */
export function stored(items: RealtimeItems, number: number, item: Item): RealtimeItems {
  const pending = items.pending.map((update) => (update.number === number ? { ...update, stored: item } : update))
  return settle({ ...items, pending, refusal: undefined })
}

/** It is taken back. A conflict brings what there is instead. */
export function refused(items: RealtimeItems, number: number, refusal: SamewireError): RealtimeItems {
  const update = items.pending.find((update) => update.number === number)
  if (!update) return items
  const pending = items.pending.filter((other) => other !== update)
  const current = refusal.code === 'CONFLICT' ? (refusal.current as Item | null | undefined) : undefined
  const known = items.confirmed.get(update.id)
  const newer = current && known && current.version > known.version
  return { confirmed: newer ? new Map(items.confirmed).set(update.id, current) : items.confirmed, position: items.position, pending, refusal }
}

/** The newest that is known to be stored of an item: what the next change of it is a change of. */
export function newest({ confirmed, pending }: RealtimeItems, id: string): Item | undefined {
  const stored = pending.flatMap((update) => (update.id === id && update.stored ? [update.stored] : []))
  return [confirmed.get(id), ...stored].reduce((newest, item) => (item && item.version > (newest?.version ?? 0) ? item : newest), undefined)
}

/** Makes the list that is shown. It and its items are the same ones as before wherever they hold the same. */
export function shower<T extends object>(): (items: RealtimeItems) => readonly T[] {
  let list: readonly T[] = []
  let byId = new Map<string, { of: Item | undefined; shown: T }>()

  return ({ confirmed, pending }) => {
    const changes = grouped(pending)
    const next: typeof byId = new Map()
    const show = (id: string, of: Item | undefined) => {
      const before = byId.get(id)
      const updates = changes.get(id) ?? []
      if (updates.length === 0 && before && before.of === of) return void next.set(id, before)
      const shown = withUpdates(id, of, updates) as T | undefined
      if (!shown) return
      const same = before && JSON.stringify(before.shown) === JSON.stringify(shown)
      next.set(id, { of: updates.length === 0 ? of : undefined, shown: same ? before.shown : shown })
    }
    for (const [id, item] of confirmed) show(id, item)
    for (const id of changes.keys()) if (!confirmed.has(id)) show(id, undefined)
    byId = next
    const shown = Array.from(next.values(), ({ shown }) => shown)
    if (!sameFields(shown, list as T[])) list = shown
    return list
  }
}

/** An item as the application has it: what it holds, and its id. */
export function asShown({ id, data }: Pick<Item, 'id' | 'data'>): object {
  return { ...(data as object), id }
}

function withUpdates(id: string, item: Item | undefined, updates: readonly PendingUpdate[]): object | undefined {
  const data = updates.reduce<object | undefined>((data, { action, fields }) => {
    if (action === 'delete') return undefined
    // What another has deleted isn't brought back by changing it.
    return action === 'create' || data ? { ...data, ...fields } : undefined
  }, item?.data as object | undefined)
  return data && asShown({ id, data })
}

/** Lets go of the changes that the room has told of. */
function settle(items: RealtimeItems): RealtimeItems {
  const isOpen = ({ id, action, stored, heard = 0, reread }: PendingUpdate) => {
    if (!stored) return true
    const known = items.confirmed.get(id)?.version ?? 0
    const gone = action === 'delete' && known === 0
    return !(reread || gone || Math.max(known, heard) >= stored.version)
  }
  const pending = items.pending.filter(isOpen)
  return pending.length === items.pending.length ? items : { ...items, pending }
}

function grouped(pending: readonly PendingUpdate[]): Map<string, PendingUpdate[]> {
  const groups = new Map<string, PendingUpdate[]>()
  for (const update of pending) groups.set(update.id, [...(groups.get(update.id) ?? []), update])
  return groups
}
