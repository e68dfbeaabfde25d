import { expectTypeOf, test } from 'vitest'
import type { SamewireError } from '../error.js'
import type { EventReceived, SessionEnded } from '../protocol.js'
import type { EventContext, ProtocolError } from '../types.js'
import { useEvent, useRoom } from './index.js'

test('the payload follows from the event', () => {
  useEvent('session-ended', (payload, context) => {
    expectTypeOf(payload).toEqualTypeOf<SessionEnded>()
    expectTypeOf(context).toEqualTypeOf<EventContext>()
  })
  useEvent('protocol-error', (error) => expectTypeOf(error).toEqualTypeOf<ProtocolError>())
  // @ts-expect-error there is no such event
  useEvent('session-begun', () => {})
})

test('of a room only its own events can be heard', () => {
  const { room } = useRoom('project:1')
  useEvent('event-received', (payload) => expectTypeOf(payload).toEqualTypeOf<EventReceived>(), { room })
  useEvent('event-received', (payload) => expectTypeOf(payload).toEqualTypeOf<EventReceived>(), { room: 'project:1' })
  useEvent('recovered', ({ missed }) => expectTypeOf(missed).toBeNumber(), { room })
  useEvent('removed', (error) => expectTypeOf(error).toEqualTypeOf<SamewireError>(), { room })
  // @ts-expect-error an event of another kind of room
  useEvent('story_uploaded', () => {}, { room })
  // @ts-expect-error an event of another kind of room
  useEvent('story_uploaded', () => {}, { room: 'project:1' })
})
