import { useEffect, useMemo } from 'react'
import type { Client, ConnectionState, Handler, Off, Received, ReceivedEvent, Room } from '../types.js'
import { addressOf } from './address.js'
import { counted } from './counted.js'
import { useClient } from './useClient.js'
import { useConnectionState } from './useConnectionState.js'

export interface WebSocketHandle {
  /** How the connection is, with what there is to know about it. */
  state: ConnectionState
  /** Whether events flow. */
  isConnected: boolean
  /** Sends an event; resolves with the server's answer. */
  emit: Client['emit']
  /** Takes an event from wherever it comes, until `unsubscribe` is called. */
  subscribe<Event extends ReceivedEvent>(event: Event, handler: Handler<Received[Event]>): Subscription
  /** Joins a room, by address or bare name, until it is left or the component is gone. */
  joinRoom(room: string): Promise<Room>
  /** Leaves a room that this component joined. */
  leaveRoom(room: string): Promise<void>
}

/** What ends a subscription, by either name. */
export type Subscription = Off & { unsubscribe(): void }

/** The connection as a whole. For a room's events `useRoom` and `useEvent` need less care. */
export function useWebSocket(): WebSocketHandle {
  const client = useClient()
  const state = useConnectionState()
  const actions = useMemo(() => actionsOf(client), [client])
  useEffect(() => actions.use(), [actions])

  return useMemo(() => {
    const { use: _, ...rest } = actions
    return { state, isConnected: state.status === 'connected', ...rest }
  }, [state, actions])
}

function actionsOf(client: Client) {
  const joins = new Map<string, Promise<Room>>()

  const leaveRoom = async (room: string) => {
    const address = addressOf(room)
    const join = joins.get(address)
    joins.delete(address)
    const joined = await join?.catch(() => undefined)
    joined?.leave()
  }
  return {
    emit: client.emit.bind(client) as Client['emit'],
    subscribe<Event extends ReceivedEvent>(event: Event, handler: Handler<Received[Event]>): Subscription {
      const off = client.on(event, handler)
      return Object.assign(off, { unsubscribe: off })
    },
    joinRoom(room: string): Promise<Room> {
      const address = addressOf(room)
      const join = joins.get(address) ?? client.join(address)
      joins.set(address, join)
      // A refused join isn't kept, so that it can be tried again.
      join.catch(() => joins.get(address) === join && joins.delete(address))
      return join
    },
    leaveRoom,
    /** Leaves what is still joined when the component is gone. */
    use: counted(() => () => {
      for (const address of joins.keys()) void leaveRoom(address)
    }),
  }
}
