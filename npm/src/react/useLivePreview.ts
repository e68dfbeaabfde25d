import { useMemo } from 'react'
import { livePreview, type LivePreview } from './livePreview.js'
import type { FoldedRoom, RoomState } from './roomStore.js'
import { useFold } from './useFold.js'

export interface LivePreviewState extends LivePreview, Pick<RoomState, 'status' | 'error'> {}

/** Watches the tracked sessions of a project: those that go on, and what happens in them from now on; of none while there is no project. */
export function useLivePreview(projectId: string | undefined): LivePreviewState {
  const fold = useMemo(() => livePreview(projectId ?? ''), [projectId])
  return useFold(projectId === undefined ? undefined : `project:${projectId}`, fold, shown)
}

function shown({ value, status, error }: FoldedRoom<'project', LivePreview>): LivePreviewState {
  return { ...value, status, error }
}
