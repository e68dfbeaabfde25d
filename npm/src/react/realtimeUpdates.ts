import { SamewireError } from '../error.js'
import type { Action, Item } from '../protocol.js'
import type { Client, RoomAddress } from '../types.js'
import { uuid } from '../uuid.js'
import { begun, heard, newest, NO_ITEMS, readAnew, refused, stored, type RealtimeItems } from './realtimeItems.js'
import type { Fold, RoomStore } from './roomStore.js'

export type ItemsStore = RoomStore<'room', RealtimeItems>

/** The items of a kind in a room: a snapshot, then the room's log from its position (wire.md, section 12). */
export function itemsOf(address: RoomAddress, entity: string): Fold<'room', RealtimeItems> {
  return {
    name: `items ${entity}`,
    initial: NO_ITEMS,
    on: {
      'data:update': (items, update, context) => (update.entity === entity ? heard(items, update, context) : items),
    },
    read: async (client, signal) => {
      const { items, position } = await client.emit('data:snapshot', { room: address, entity }, { signal })
      return (before, withSince) => withSince(readAnew(before, items, position))
    },
  }
}

/** What is sent of an item: the fields that are new. */
export interface Update {
  action: Action
  /** Made up where an item is created without one. */
  id: string | undefined
  fields: object
}

let lastNumber = 0

/** The changes of an item that are under way, one after the other: each is a change of what the one before made. */
const underWay = new WeakMap<ItemsStore, Map<string, Promise<unknown>>>()

/**
 * Changes an item: at once in the store, then on the server. Where that refuses, it is taken back.
 *
 * Gives what the server stored; rejects with a {@link SamewireError}.
 */
export async function sendUpdate(client: Client, store: ItemsStore, room: RoomAddress, entity: string, { action, id = uuid(), fields }: Update): Promise<Item> {
  const number = (lastNumber += 1)
  // The room isn't left in the middle of it, were the component gone.
  const release = store.subscribe(() => {})
  const before = inTurn(store, id)
  try {
    store.change((items) => begun(items, { number, id, action, fields }))
    await before.turn
    await isRead(store)
    const base = newest(store.get().value, id)
    const item = await client.emit('data:update', {
      room,
      entity,
      action,
      id,
      ...(action !== 'delete' && { data: { ...(base?.data as object | undefined), ...fields } }),
      ...(base && action !== 'create' && { baseVersion: base.version }),
    })
    store.change((items) => stored(items, number, item))
    return item
  } catch (cause) {
    const error = cause instanceof SamewireError ? cause : new SamewireError('INTERNAL', String(cause))
    store.change((items) => refused(items, number, error))
    throw error
  } finally {
    before.done()
    release()
  }
}

/** Waits for those before it, and keeps those after it waiting until `done` is called. */
function inTurn(store: ItemsStore, id: string): { turn: Promise<unknown>; done: () => void } {
  let turns = underWay.get(store)
  if (!turns) underWay.set(store, (turns = new Map()))
  const turn = turns.get(id) ?? Promise.resolve()
  let done = () => {}
  const mine = new Promise<void>((resolve) => (done = resolve))
  turns.set(id, mine)
  return {
    turn,
    done: () => {
      if (turns.get(id) === mine) turns.delete(id)
      done()
    },
  }
}

/** Waits until it is known what there is to change. */
function isRead(store: ItemsStore): Promise<void> {
  return new Promise((resolve, reject) => {
    let end = () => {}
    const look = () => {
      const { status, error } = store.get()
      if (status === 'joining') return false
      if (status === 'refused') reject(error)
      else resolve()
      end()
      return true
    }
    if (!look()) end = store.subscribe(look)
  })
}
