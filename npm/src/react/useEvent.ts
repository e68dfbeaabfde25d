import { useEffect } from 'react'
import type { Client, ClientEvents, EventOf, Handler, KindOf, Off, Received, ReceivedEvent, Room, RoomAddress, RoomKind, RoomLifecycle } from '../types.js'
import { useClient } from './useClient.js'
import { useLatest } from './useLatest.js'

/** Calls a handler for an event of the server, from wherever it comes, or what the client tells. */
export function useEvent<Event extends ReceivedEvent>(event: Event, handler: Handler<Received[Event]>): void
export function useEvent<Event extends keyof ClientEvents>(event: Event, handler: Handler<ClientEvents[Event]>): void
/** Calls a handler for what a joined room tells. Nothing is heard while `room` is `undefined`. */
export function useEvent<Event extends keyof RoomLifecycle>(
  event: Event,
  handler: Handler<RoomLifecycle[Event]>,
  options: { room: Room | undefined },
): void
/** Calls a handler for an event of a joined room. Nothing is heard while `room` is `undefined`. */
export function useEvent<Kind extends RoomKind, Event extends EventOf<Kind>>(
  event: Event,
  handler: Handler<Received[Event]>,
  options: { room: Room<Kind> | undefined },
): void
/** Calls a handler for an event of the room with this address, which something else has joined. */
export function useEvent<Address extends RoomAddress, Event extends EventOf<KindOf<Address>>>(
  event: Event,
  handler: Handler<Received[Event]>,
  options: { room: Address },
): void

/**
 * It is always the newest handler that is called, so it may use what the component last rendered;
 * rendering again doesn't subscribe again.
 */
export function useEvent(event: string, handler: Handler<never>, options?: { room: Room | RoomAddress | undefined }): void {
  const client = useClient()
  const latest = useLatest(handler as Handler<unknown>)
  const room = options?.room
  const everywhere = options === undefined

  useEffect(() => {
    if (room === undefined && !everywhere) return
    const listen = listener(client, room)
    return listen(event, (payload, context) => latest.current(payload, context))
  }, [client, room, everywhere, event, latest])
}

type Listen = (event: string, handler: Handler<unknown>) => Off

/** The overloads above have seen to it that the event is one that is heard there. */
function listener(client: Client, room: Room | RoomAddress | undefined): Listen {
  if (typeof room === 'object') return room.on.bind(room) as Listen
  const on = client.on.bind(client) as (event: string, handler: Handler<unknown>, options?: { room?: string }) => Off
  return (event, handler) => on(event, handler, room === undefined ? undefined : { room })
}
