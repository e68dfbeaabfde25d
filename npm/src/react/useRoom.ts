import type { EventOf, KindOf, RoomAddress, RoomKind } from '../types.js'
import type { Fold, FoldedRoom, RoomState } from './roomStore.js'
import { useFold } from './useFold.js'

export interface UseRoomOptions<Address extends RoomAddress> {
  /** Only these of the room's events are sent. */
  events?: readonly EventOf<KindOf<Address>>[]
  /** Whether to be in the room. Default `true`. */
  enabled?: boolean
}

const NOTHING: Fold<never, undefined> = { name: 'nothing', initial: undefined, on: {} }

/** Is in a room while the component is there. Components that are in one room join it once. */
export function useRoom<Address extends RoomAddress>(
  room: Address,
  { events, enabled = true }: UseRoomOptions<Address> = {},
): RoomState<KindOf<Address>> {
  return useFold(enabled ? room : undefined, NOTHING as Fold<KindOf<Address>, undefined>, shown<KindOf<Address>>, events)
}

function shown<Kind extends RoomKind>({ room, status, error, recovered }: FoldedRoom<Kind, undefined>): RoomState<Kind> {
  return { room, status, error, recovered }
}
