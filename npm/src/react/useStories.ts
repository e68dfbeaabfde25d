import { useMemo } from 'react'
import type { SamewireError } from '../error.js'
import type { Interaction } from '../protocol.js'
import type { FoldedRoom, RoomState } from './roomStore.js'
import { interactionsOf, storiesOf, type Stories } from './stories.js'
import { useFold } from './useFold.js'

export interface StoriesOptions {
  /** The story whose interactions are shown. */
  storyId?: string | undefined
}

export interface StoriesState extends Stories {
  /** All that is said about the story that was asked for, else what was said since about any; oldest first. */
  interactions: readonly Interaction[]
  /** `joined` once what is stored has been read. */
  status: RoomState['status']
  /** Why the room was refused, or what is stored couldn't be read. */
  error: SamewireError | undefined
}

/** Follows the stories of a project; of none while there is no project. */
export function useStories(projectId: string | undefined, { storyId }: StoriesOptions = {}): StoriesState {
  const room = projectId === undefined ? undefined : (`stories:${projectId}` as const)
  const all = useFold(room, useMemo(() => storiesOf(projectId ?? ''), [projectId]), shown)
  const fold = useMemo(() => interactionsOf(storyId ?? ''), [storyId])
  const one = useFold(storyId === undefined ? undefined : room, fold, shownInteractions)

  const { stories, exports } = all
  const interactions = storyId === undefined ? all.interactions : one.interactions
  const status = storyId === undefined || all.status !== 'joined' ? all.status : one.status
  const error = all.error ?? one.error
  return useMemo(() => ({ stories, interactions, exports, status, error }), [stories, interactions, exports, status, error])
}

function shown({ value, status, error }: FoldedRoom<'stories', Stories>) {
  return { ...value, status, error }
}

function shownInteractions({ value, status, error }: FoldedRoom<'stories', readonly Interaction[]>) {
  return { interactions: value, status, error }
}
