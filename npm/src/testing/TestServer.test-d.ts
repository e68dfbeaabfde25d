import { expectTypeOf, test } from 'vitest'
import type { ChatMessage, Position } from '../protocol.js'
import type { Client } from '../types.js'
import { createTestServer } from './index.js'

const server = createTestServer()
const started = { sessionId: 's1', externalUserId: 'visitor', timestamp: '2026-01-01T00:00:00.000Z' }

test('what is delivered fits the event, and the event the room', () => {
  expectTypeOf(server.deliver('project:1', 'session-started', started)).toEqualTypeOf<Position>()
  server.send('pong', { timestamp: started.timestamp })
  // @ts-expect-error a field is missing
  server.deliver('project:1', 'session-started', { sessionId: 's1' })
  // @ts-expect-error an event of another kind of room
  server.deliver('stories:1', 'session-started', started)
  // @ts-expect-error no such kind of room
  server.deliver('planet:1', 'session-started', started)
})

test('an answer fits its event', () => {
  server.on('typing:start', ({ conversationId }) => ({ conversationId }))
  server.on('message:send', async (payload, { userId }) => {
    expectTypeOf(payload.content).toBeString()
    expectTypeOf(userId).toBeString()
    return {} as ChatMessage
  })
  // @ts-expect-error no answer to that
  server.on('message:send', () => ({ done: true }))
  // @ts-expect-error the server's events are not a client's to send
  server.on('session-started', () => ({}))
  expectTypeOf(server.refuse('message:send', 'RATE_LIMIT_EXCEEDED')).toEqualTypeOf<() => void>()
})

test('its clients are clients', () => {
  expectTypeOf(server.createClient({ userId: 'grace', retries: 0 })).toEqualTypeOf<Client>()
})
