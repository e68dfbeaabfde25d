import { useCallback, useEffect, useMemo } from 'react'
import type { SamewireError } from '../error.js'
import type { DataUpdated } from '../protocol.js'
import type { EventContext, Off, Room } from '../types.js'
import { addressOf } from './address.js'
import { asShown, isCovered, shower, type RealtimeItems } from './realtimeItems.js'
import { itemsOf, sendUpdate as send, type ItemsStore } from './realtimeUpdates.js'
import type { FoldedRoom, RoomState } from './roomStore.js'
import { selected } from './selected.js'
import { useClient } from './useClient.js'
import { useRoomStore } from './useFold.js'
import { useLatest } from './useLatest.js'
import { useStore } from './useStore.js'

/** An item: the fields that it holds, and its id. */
export type RealtimeItem<T extends object> = Omit<T, 'id'> & { id: string }

export interface RealtimeUpdatesOptions<T extends object> {
  /** What kind of items, such as `tasks`. */
  entity: string
  /** The room they are in, by address or bare name. */
  roomId: string
  /** Called once for each item that is created from now on, one's own included. */
  onCreate?: (item: RealtimeItem<T>, update: DataUpdated) => void
  /** Called once for each change from now on, one's own included. */
  onUpdate?: (item: RealtimeItem<T>, update: DataUpdated) => void
  /** Called once for each item that is deleted from now on. */
  onDelete?: (item: { id: string }, update: DataUpdated) => void
}

export interface RealtimeUpdatesState<T extends object> {
  /** All items of the kind, with what was changed here already in them. An item is the same object until it changes. */
  items: readonly RealtimeItem<T>[]
  /** `joined` once they have been read. */
  status: RoomState['status']
  /** Why the room was refused, they couldn't be read, or the last change was taken back. */
  error: SamewireError | undefined
}

/**
 * Changes an item: at once in `items`, which takes it back where the server refuses it.
 *
 * Rejects with a `SamewireError`: by the code `CONFLICT` where somebody else was faster.
 */
export interface SendUpdate<T extends object> {
  /** Without an `id` one is made up. */
  (action: 'create', item: Omit<T, 'id'> & { id?: string }): Promise<RealtimeItem<T>>
  /** Sets some of the fields. */
  (action: 'update', fields: Partial<Omit<T, 'id'>> & { id: string }): Promise<RealtimeItem<T>>
  (action: 'delete', item: { id: string }): Promise<void>
}

export interface RealtimeUpdates<T extends object> {
  state: RealtimeUpdatesState<T>
  sendUpdate: SendUpdate<T>
}

/** Is in a room while the component is there, with all items of a kind that its members change together. */
export function useRealtimeUpdates<T extends object>(options: RealtimeUpdatesOptions<T>): RealtimeUpdates<T> {
  const { entity, roomId } = options
  const client = useClient()
  const address = addressOf(roomId)
  const store = useRoomStore(address, itemsOf(address, entity)) as ItemsStore
  const state = useStore(useMemo(() => selected(store, shown<T>()), [store]))
  useChanges(store, entity, options)

  const sendUpdate = useCallback(
    async (action: 'create' | 'update' | 'delete', { id, ...fields }: { id?: string }) => {
      const item = await send(client, store, address, entity, { action, id, fields })
      return action === 'delete' ? undefined : asShown(item)
    },
    [client, store, address, entity],
  ) as SendUpdate<T>
  return useMemo(() => ({ state, sendUpdate }), [state, sendUpdate])
}

function shown<T extends object>() {
  const show = shower<RealtimeItem<T>>()
  return ({ value, status, error }: FoldedRoom<'room', RealtimeItems>): RealtimeUpdatesState<T> => ({
    items: show(value),
    status,
    error: error ?? value.refusal,
  })
}

/** Tells of each change that no snapshot has: of those that come while the first one is read, afterwards. */
function useChanges<T extends object>(store: ItemsStore, entity: string, options: RealtimeUpdatesOptions<T>): void {
  const latest = useLatest(options)

  useEffect(() => {
    const waiting: [DataUpdated, EventContext][] = []
    let room: Room<'room'> | undefined
    let off: Off | undefined

    const tell = (update: DataUpdated) => {
      const { onCreate, onUpdate, onDelete } = latest.current
      const item = asShown(update) as RealtimeItem<T>
      if (update.action === 'create') onCreate?.(item, update)
      else if (update.action === 'update') onUpdate?.(item, update)
      else onDelete?.({ id: update.id }, update)
    }
    const tellThose = () => {
      const { status, value } = store.get()
      if (status === 'joining') return
      for (const [update, context] of waiting.splice(0)) if (!isCovered(value, context)) tell(update)
    }
    // As soon as it is there: nothing has come of it before.
    const listen = () => {
      off?.()
      room = store.get().room
      off = room?.on('data:update', (update, context) => {
        if (update.entity !== entity) return
        waiting.push([update, context])
        tellThose()
      })
    }
    const look = () => {
      if (store.get().room !== room) listen()
      tellThose()
    }
    const unsubscribe = store.subscribe(look)
    look()
    return () => {
      unsubscribe()
      off?.()
    }
  }, [store, entity, latest])
}
