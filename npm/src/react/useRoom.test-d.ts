import { expectTypeOf, test } from 'vitest'
import type { SamewireError } from '../error.js'
import type { Room } from '../types.js'
import { useRoom } from './index.js'

test('the room is typed by the kind in its address', () => {
  const { room, status, error, recovered } = useRoom('project:1', { events: ['session-started'], enabled: true })
  expectTypeOf(room).toEqualTypeOf<Room<'project'> | undefined>()
  expectTypeOf(status).toEqualTypeOf<'idle' | 'joining' | 'joined' | 'refused'>()
  expectTypeOf(error).toEqualTypeOf<SamewireError | undefined>()
  expectTypeOf(recovered).toBeBoolean()

  // @ts-expect-error an event of another kind of room
  useRoom('project:1', { events: ['story_uploaded'] })
  // @ts-expect-error no such kind of room
  useRoom('planet:1')
})
