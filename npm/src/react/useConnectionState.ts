import { useMemo } from 'react'
import type { Client, ConnectionState } from '../types.js'
import { useClient } from './useClient.js'
import { useStore, type Store } from './useStore.js'

const IDLE: ConnectionState = { status: 'idle' }

/** How the connection is, and nothing else of it. */
export function useConnectionState(): ConnectionState {
  const client = useClient()
  return useStore(useMemo(() => stateOf(client), [client]))
}

function stateOf(client: Client): Store<ConnectionState> {
  return {
    get: () => client.state,
    idle: IDLE,
    subscribe: (onChange) => client.subscribe(onChange),
  }
}
