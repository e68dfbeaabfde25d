import { expectTypeOf, test } from 'vitest'
import type { SamewireError } from '../error.js'
import type { TrackerEvent } from '../protocol.js'
import { useLivePreview, type LiveSession } from './index.js'

test('sessions, and events with what the tracker saw', () => {
  const { sessions, events, status, error } = useLivePreview('1')
  expectTypeOf(sessions).toEqualTypeOf<readonly LiveSession[]>()
  expectTypeOf(events[0]!.event).toEqualTypeOf<TrackerEvent>()
  expectTypeOf(status).toEqualTypeOf<'idle' | 'joining' | 'joined' | 'refused'>()
  expectTypeOf(error).toEqualTypeOf<SamewireError | undefined>()
  useLivePreview(undefined)
})
