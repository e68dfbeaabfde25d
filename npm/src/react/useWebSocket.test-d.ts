import { expectTypeOf, test } from 'vitest'
import type { Pong, SessionStarted } from '../protocol.js'
import type { ConnectionState, Room } from '../types.js'
import { useWebSocket, type Subscription } from './index.js'

test('names, payloads and answers are typed', () => {
  const { state, isConnected, emit, subscribe, joinRoom, leaveRoom } = useWebSocket()
  expectTypeOf(state).toEqualTypeOf<ConnectionState>()
  expectTypeOf(isConnected).toBeBoolean()
  expectTypeOf(emit('ping', {})).resolves.toEqualTypeOf<Pong>()
  expectTypeOf(joinRoom('lobby')).resolves.toEqualTypeOf<Room>()
  expectTypeOf(leaveRoom('lobby')).resolves.toBeVoid()

  const subscription = subscribe('session-started', (payload) => expectTypeOf(payload).toEqualTypeOf<SessionStarted>())
  expectTypeOf(subscription).toEqualTypeOf<Subscription>()

  // @ts-expect-error there is no such event
  subscribe('session-begun', () => {})
  // @ts-expect-error a field is missing
  void emit('presence:update', { status: 'away' })
  // @ts-expect-error the server's events are not a client's to send
  void emit('session-started', {})
})
