import { useEvent, useRoom } from 'samewire/react'
import { useState } from 'react'

/**
 * How often a reconnect came too late to bring what was missed: the server keeps only so much of
 * it, and none through a restart. Each time, what is stored is to be read again.
 */
export function useLosses(projectId: string | undefined): number {
  const [losses, setLosses] = useState(0)
  const { room } = useRoom(`project:${projectId}`, { enabled: projectId !== undefined })
  useEvent('reset', () => setLosses((count) => count + 1), { room })
  return losses
}
