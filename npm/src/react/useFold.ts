import type { RoomAddress, RoomKind } from '../types.js'
import { idle, roomStore, type Fold, type FoldedRoom } from './roomStore.js'
import { useClient } from './useClient.js'
import { useStore, type Store } from './useStore.js'

/** Joins a room, unless it is `undefined`, and folds its events. Hooks of a domain are built on it. */
export function useFold<Kind extends RoomKind, Value>(
  room: RoomAddress | undefined,
  fold: Fold<Kind, Value>,
  events?: readonly string[],
): FoldedRoom<Kind, Value> {
  const client = useClient()
  return useStore(room === undefined ? unused(fold) : roomStore(client, room, fold, events))
}

const unusedStores = new WeakMap<object, Store<unknown>>()

/** The store of no room, one for each fold. */
function unused<Kind extends RoomKind, Value>(fold: Fold<Kind, Value>): Store<FoldedRoom<Kind, Value>> {
  const known = unusedStores.get(fold)
  if (known) return known as Store<FoldedRoom<Kind, Value>>
  const nothing = idle(fold)
  const made = { get: () => nothing, idle: nothing, subscribe: () => () => {} }
  unusedStores.set(fold, made)
  return made
}
