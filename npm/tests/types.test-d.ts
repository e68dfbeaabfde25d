import { describe, expectTypeOf, it } from 'vitest'
import { createClient, type Client, type ConnectionState, type Room } from '../src/index.js'
import type { ChatMessage, EventReceived, Item, StoryUploaded } from '../src/protocol.js'

declare module '../src/types.js' {
  interface CustomEvents {
    piece_moved: { received: { from: string; to: string } }
    move_piece: { sent: { from: string; to: string }; answer: { legal: boolean } }
    chat: { received: { text: string }; sent: { text: string } }
    clock: { received: { seconds: number }; rooms: 'game' | 'room' }
    notice: { received: { text: string }; rooms: never }
  }
}

declare const client: Client

describe('a client', () => {
  it('is made at once', () => {
    expectTypeOf(createClient('http://localhost')).toEqualTypeOf<Client>()
    createClient('http://localhost', { token: async () => 'jwt', reconnectionAttempts: Infinity, transports: ['websocket'] })
    // @ts-expect-error no such option
    createClient('http://localhost', { tokn: 'jwt' })
  })

  it('narrows its state', () => {
    const state = client.state
    expectTypeOf(state).toEqualTypeOf<ConnectionState>()
    // @ts-expect-error only while reconnecting
    state.retryAt
    if (state.status === 'reconnecting') expectTypeOf(state.retryAt).toBeNumber()
    if (state.status === 'closed') expectTypeOf(state.reason.code).toBeString()
  })
})

describe('events', () => {
  it('are named and typed', () => {
    client.on('story_uploaded', (payload) => expectTypeOf(payload).toEqualTypeOf<StoryUploaded>())
    client.on('protocol-error', (error) => expectTypeOf(error.path).toBeString())
    client.on('story_uploaded', (_payload, { position }) => expectTypeOf(position?.offset).toEqualTypeOf<number | undefined>())
    // @ts-expect-error a typo
    client.on('story_uplaoded', () => {})
    // @ts-expect-error a client sends it
    client.on('message:send', () => {})
  })

  it('of the application are declared', () => {
    client.on('piece_moved', (payload) => expectTypeOf(payload).toEqualTypeOf<{ from: string; to: string }>())
    client.on('chat', (payload) => expectTypeOf(payload).toEqualTypeOf<{ text: string }>())
    expectTypeOf(client.emit('move_piece', { from: 'e2', to: 'e4' })).resolves.toEqualTypeOf<{ legal: boolean }>()
    expectTypeOf(client.emit('chat', { text: 'hi' })).resolves.toBeUnknown()
    // @ts-expect-error the server sends it
    client.on('move_piece', () => {})
  })

  it('stop by their function and with their scope', () => {
    const off = client.on('pong', () => {})
    expectTypeOf(off).toBeCallableWith()
    expectTypeOf(off).toExtend<Disposable>()
  })
})

describe('emits', () => {
  it('resolve with their answers', () => {
    expectTypeOf(client.emit('message:send', { conversationId: 'c', content: 'Hi' })).resolves.toEqualTypeOf<ChatMessage>()
    expectTypeOf(client.emit('data:update', { room: 'room:a', entity: 'task', action: 'create' }, { retries: 0 })).resolves.toEqualTypeOf<Item>()
    expectTypeOf(client.emit('ping', {}, { volatile: true })).resolves.toBeVoid()
    // @ts-expect-error a field is missing
    client.emit('message:send', { conversationId: 'c' })
    // @ts-expect-error the server sends it
    client.emit('story_uploaded', {})
  })
})

describe('rooms', () => {
  it('are typed by their kinds', async () => {
    const project = await client.join('project:42')
    expectTypeOf(project).toEqualTypeOf<Room<'project'>>()
    project.on('event-received', (payload) => expectTypeOf(payload).toEqualTypeOf<EventReceived>())
    project.on('recovered', ({ missed }) => expectTypeOf(missed).toBeNumber())
    project.on('removed', (error) => expectTypeOf(error.code).toBeString())
    project.on('piece_moved', ({ from }) => expectTypeOf(from).toBeString())
    // @ts-expect-error of another kind
    project.on('story_uploaded', () => {})
    // @ts-expect-error no such kind
    client.join('projects:42')
  })

  it('of the application have the events that name them, and those that name none', async () => {
    const game = await client.join('game:7', { events: ['clock'] })
    expectTypeOf(game).toEqualTypeOf<Room<'game'>>()
    game.on('clock', ({ seconds }) => expectTypeOf(seconds).toBeNumber())
    game.on('piece_moved', ({ from }) => expectTypeOf(from).toBeString())
    const room = await client.join('room:lobby')
    room.on('clock', ({ seconds }) => expectTypeOf(seconds).toBeNumber())
    room.on('broadcast', () => {})
    // @ts-expect-error of another kind
    game.on('broadcast', () => {})
    const project = await client.join('project:42')
    // @ts-expect-error of another kind
    project.on('clock', () => {})
    // @ts-expect-error sent to no room
    game.on('notice', () => {})
    client.on('notice', ({ text }) => expectTypeOf(text).toBeString())
  })

  it('take filters of their own events', () => {
    client.join('stories:42', { events: ['story_uploaded'] })
    // @ts-expect-error of another kind
    client.join('stories:42', { events: ['event-received'] })
  })
})
