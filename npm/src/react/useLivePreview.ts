import { useMemo } from 'react'
import { livePreview, type LivePreview } from './livePreview.js'
import type { RoomState } from './roomStore.js'
import { useFold } from './useFold.js'

export interface LivePreviewState extends LivePreview, Pick<RoomState, 'status' | 'error'> {}

/** Watches the tracked sessions of a project, from now on; of none while there is no project. */
export function useLivePreview(projectId: string | undefined): LivePreviewState {
  const { value, status, error } = useFold(projectId === undefined ? undefined : `project:${projectId}`, livePreview)
  return useMemo(() => ({ ...value, status, error }), [value, status, error])
}
