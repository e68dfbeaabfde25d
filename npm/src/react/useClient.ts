import { useContext } from 'react'
import type { Client } from '../types.js'
import { ClientContext } from './ClientContext.js'

/** The client that the nearest `SamewireProvider` gives. */
export function useClient(): Client {
  const client = useContext(ClientContext)
  if (!client) throw new Error('useClient and the hooks built on it need a <SamewireProvider> above them')
  return client
}
