import { expectTypeOf, test } from 'vitest'
import type { SamewireError } from '../error.js'
import type { Interaction } from '../protocol.js'
import { useStories, type ProjectStory, type StoryExport } from './index.js'

test('stories and what is done with them', () => {
  const { stories, interactions, exports, status, error } = useStories('1')
  expectTypeOf(stories).toEqualTypeOf<readonly ProjectStory[]>()
  expectTypeOf(stories[0]!.processing?.progress).toEqualTypeOf<number | undefined>()
  expectTypeOf(interactions).toEqualTypeOf<readonly Interaction[]>()
  expectTypeOf(exports).toEqualTypeOf<readonly StoryExport[]>()
  expectTypeOf(status).toEqualTypeOf<'idle' | 'joining' | 'joined' | 'refused'>()
  expectTypeOf(error).toEqualTypeOf<SamewireError | undefined>()
  useStories(undefined, { storyId: undefined })
  // @ts-expect-error of which project?
  useStories()
})
