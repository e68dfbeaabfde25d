import { useClient } from 'samewire/react'
import { useEffect, useState, useSyncExternalStore } from 'react'
import { ConnectionLog, type LoggedConnection } from './ConnectionLog'

/** What has happened to the connection since the component is there. */
export function useConnectionLog(): LoggedConnection {
  const client = useClient()
  const [log] = useState(() => new ConnectionLog())
  useEffect(() => log.watch(client), [log, client])
  return useSyncExternalStore(log.subscribe, log.get)
}
