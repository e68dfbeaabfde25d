import { useClient } from 'samewire/react'
import { useEffect, useState } from 'react'

export interface RoomPosition {
  room: string
  /** How much of the room's log was delivered; nothing until the join was answered. */
  offset: number | undefined
}

/** Milliseconds between two looks: events come faster than anybody reads numbers. */
const EVERY = 200

/** The rooms that the page is in. */
export function useRooms(): readonly RoomPosition[] {
  const client = useClient()
  const [rooms, setRooms] = useState<readonly RoomPosition[]>([])
  useEffect(() => {
    const look = () => {
      const seen = [...client.positions].map(([room, position]) => ({ room, offset: position?.offset }))
      setRooms((before) => (same(before, seen) ? before : seen))
    }
    look()
    const timer = setInterval(look, EVERY)
    return () => clearInterval(timer)
  }, [client])
  return rooms
}

function same(a: readonly RoomPosition[], b: readonly RoomPosition[]): boolean {
  return a.length === b.length && a.every(({ room, offset }, index) => room === b[index]!.room && offset === b[index]!.offset)
}
