import { useMemo } from 'react'
import type { Client } from '../types.js'
import { useClient } from './useClient.js'
import { useStore, type Store } from './useStore.js'

/** Who one is. It stays known while the connection is lost. */
export function useUserId(): string | undefined {
  const client = useClient()
  return useStore(useMemo(() => userOf(client), [client]))
}

function userOf(client: Client): Store<string | undefined> {
  let known: string | undefined
  return {
    get: () => (known = client.session?.userId ?? known),
    idle: undefined,
    subscribe: (onChange) => client.subscribe(onChange),
  }
}
