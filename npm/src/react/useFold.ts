import { useMemo } from 'react'
import type { RoomAddress, RoomKind } from '../types.js'
import { idle, roomStore, type Fold, type FoldedRoom, type RoomStore } from './roomStore.js'
import { selected } from './selected.js'
import { useClient } from './useClient.js'
import { useStore, type Store } from './useStore.js'

/**
 * Joins a room, unless it is `undefined`, folds its events, and shows what `select` takes of that.
 * Hooks of a domain are built on it. `select` is the same function each time.
 */
export function useFold<Kind extends RoomKind, Value, Shown extends object>(
  room: RoomAddress | undefined,
  fold: Fold<Kind, Value>,
  select: (state: FoldedRoom<Kind, Value>) => Shown,
  events?: readonly string[],
): Shown {
  const store = useRoomStore(room, fold, events)
  return useStore(useMemo(() => selected(store ?? unused(fold), select), [store, fold, select]))
}

/** The store of a room and a fold, which is joined where it is shown. */
export function useRoomStore<Kind extends RoomKind, Value>(room: RoomAddress | undefined, fold: Fold<Kind, Value>, events?: readonly string[]): RoomStore<Kind, Value> | undefined {
  const client = useClient()
  return room === undefined ? undefined : roomStore(client, room, fold, events)
}

const unusedStores = new WeakMap<object, Store<unknown>>()

/** The store of no room, one for each fold. */
export function unused<Kind extends RoomKind, Value>(fold: Fold<Kind, Value>): Store<FoldedRoom<Kind, Value>> {
  const known = unusedStores.get(fold)
  if (known) return known as Store<FoldedRoom<Kind, Value>>
  const nothing = idle(fold)
  const made = { get: () => nothing, idle: nothing, subscribe: () => () => {} }
  unusedStores.set(fold, made)
  return made
}
