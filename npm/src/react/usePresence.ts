import { useCallback, useMemo } from 'react'
import type { Status, User } from '../protocol.js'
import type { Presence } from '../types.js'
import { addressOf } from './address.js'
import { useClient } from './useClient.js'
import { useRoom } from './useRoom.js'
import { useStore, type Store } from './useStore.js'

export interface PresenceState {
  /** Everybody in the room. */
  users: readonly User[]
  /** Everybody but oneself. The same array while only oneself changes. */
  others: readonly User[]
  self: User | undefined
  onlineCount: number
  /** Says how one is. */
  setStatus(status: Status): Promise<User>
  /** Says anything else to the others in the room, such as where one's cursor is. */
  setState(state: unknown): Promise<User>
}

type Present = Pick<PresenceState, 'users' | 'others' | 'self'>

const NOBODY: Present = { users: [], others: [], self: undefined }

/** Is in a room while the component is there, and tells who else is. */
export function usePresence({ roomId }: { roomId: string }): PresenceState {
  const client = useClient()
  const address = addressOf(roomId)
  const { room } = useRoom(address)
  const presence = room?.presence
  const present = useStore(useMemo(() => presentIn(presence, () => client.session?.userId), [client, presence]))

  const setStatus = useCallback((status: Status) => client.emit('presence:update', { room: address, status }), [client, address])
  const setState = useCallback((state: unknown) => client.emit('presence:update', { room: address, state }), [client, address])
  return useMemo(
    () => ({ ...present, onlineCount: present.users.length, setStatus, setState }),
    [present, setStatus, setState],
  )
}

function presentIn(presence: Presence | undefined, userId: () => string | undefined): Store<Present> {
  let current = NOBODY
  return {
    get() {
      if (presence && presence.users !== current.users) current = present(presence.users, userId(), current)
      return current
    },
    idle: NOBODY,
    subscribe: (onChange) => presence?.subscribe(onChange) ?? (() => {}),
  }
}

function present(users: readonly User[], userId: string | undefined, before: Present): Present {
  const others = users.filter((user) => user.userId !== userId)
  const same = others.length === before.others.length && others.every((user, index) => user === before.others[index])
  return {
    users,
    others: same ? before.others : others,
    self: users.find((user) => user.userId === userId),
  }
}
