import type { RoomAddress } from '../types.js'

/** A bare name is one in the rooms of the application's own, as it is for the server. */
export function addressOf(room: string): RoomAddress {
  return (room.includes(':') ? room : `room:${room}`) as RoomAddress
}
