import { readFile } from 'node:fs/promises'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createClient as createNodeClient, SamewireError } from '../src/index.node.js'
import type { Client, ClientOptions, ProtocolError } from '../src/types.js'
import { eventually } from './eventually.js'
import { FakeServer, done, refused } from './fakeServer.js'

let server: FakeServer
let client: Client

const createClient = (options: ClientOptions = {}): Client =>
  (client = createNodeClient('http://localhost:3000', { token: 'jwt', WebSocket: server.WebSocket, autoConnect: true, reconnectionDelay: 1, ...options }))

const is = (status: string) => eventually(() => expect(client.state.status).toBe(status))

/** Lets everything happen that is under way. */
const settle = () => new Promise((resolve) => setTimeout(resolve, 20))

const NOTHING = { timers: 0, listeners: 0, sockets: 0, rooms: 0, pendingEmits: 0 }

beforeEach(() => {
  server = new FakeServer()
})

afterEach(() => {
  client?.close()
  expect(client?.stats ?? NOTHING).toEqual(NOTHING)
})

describe('connecting', () => {
  it('says what is going on at every step', async () => {
    createClient({ autoConnect: false })
    const seen: string[] = [client.state.status]
    client.subscribe(() => client.state.status !== seen.at(-1) && seen.push(client.state.status))
    client.connect()
    await is('connected')
    expect(seen).toEqual(['idle', 'connecting', 'authenticating', 'connected'])
    expect(client.session?.userId).toBe('ada')
    expect(client.state).toBe(client.state)
  })

  it('brings the token and the protocol to the right address', async () => {
    createClient({ token: async () => 'fresh', query: { tenant: 'a b' } })
    await is('connected')
    expect(server.handshakes).toEqual([{ token: 'fresh', protocol: '1.0' }])
    expect(server.socket.url).toBe('ws://localhost:3000/socket.io/?tenant=a+b&EIO=4&transport=websocket')
  })

  it.each([
    ['http://localhost:3000/admin', /^url: .*\/admin would name a namespace/],
    ['/admin', /^url: .*\/admin would name a namespace/],
    ['http://localhost:3000?token=jwt', /^url: .*option query/],
    ['localhost:3000', /^url: .*localhost:3000 doesn't begin with https:/],
    ['file:///etc/passwd', /^url: .*file: is none of http:/],
    ['http://', /^url: .*this is none/],
  ])('refuses %s at once', (url, problem) => {
    expect(() => createNodeClient(url)).toThrow(problem)
    expect(() => createNodeClient(url)).toThrow(TypeError)
  })

  it.each(['http://localhost:3000', 'https://example.org/', 'ws://localhost', 'wss://[::1]:80', '/', '', '//example.org'])('takes %s for a server', (url) => {
    expect(createNodeClient(url).state).toEqual({ status: 'idle' })
  })

  it('does nothing before it is asked to, where there is no page', async () => {
    createClient()
    client.close()
    client = createNodeClient('http://localhost:3000', { WebSocket: server.WebSocket })
    await settle()
    expect(client.state).toEqual({ status: 'idle' })
    expect(server.opened).toBe(0)
  })

  it('asks for another token when one has expired, and gives up on the second', async () => {
    server.refuses = 'TOKEN_EXPIRED: at noon'
    const token = vi.fn(() => 'stale')
    createClient({ token })
    await is('closed')
    expect(token).toHaveBeenCalledTimes(2)
    expect(client.state).toEqual({ status: 'closed', reason: { code: 'TOKEN_EXPIRED', message: 'at noon' } })
  })

  it('tries again when nobody could give a token', async () => {
    const token = vi.fn<() => Promise<string>>().mockRejectedValueOnce(new Error('offline')).mockResolvedValue('jwt')
    createClient({ token })
    await is('connected')
    expect(token).toHaveBeenCalledTimes(2)
  })

  it('comes back with its rooms after a lost connection', async () => {
    // Long enough never to be over at once, however it is drawn.
    createClient({ reconnectionDelay: 10 })
    const room = await client.join('project:1')
    const recovered = vi.fn()
    room.on('recovered', recovered)
    await settle()
    server.socket.lose()
    expect(client.state.status).toBe('reconnecting')
    await is('connected')
    await eventually(() => expect(recovered).toHaveBeenCalledWith({ missed: 0 }, { room: 'project:1' }))
    expect(server.handshakes[1].resume).toContainEqual({ room: 'project:1', epoch: 'e', offset: 0 })
  })

  it('can be closed and connected again', async () => {
    createClient()
    await is('connected')
    client.close()
    expect(client.stats).toEqual(NOTHING)
    client.connect()
    await is('connected')
    expect(server.sockets.size).toBe(1)
  })

  it('can be closed by those whom it tells', async () => {
    createClient()
    await is('connected')
    const told = vi.fn(() => client.close())
    client.subscribe(told)
    client.close()
    expect(told, 'that it is closed').toHaveBeenCalledTimes(1)
  })

  it('can be closed while the engine is still loading', async () => {
    createClient()
    const emit = client.emit('ping', {})
    client.close()
    await expect(emit).rejects.toMatchObject({ code: 'CLOSED' })
    await settle()
    expect([client.state.status, server.opened]).toEqual(['closed', 0])
  })

  it('can be disconnected while the engine is still loading, and keeps what it was told until it connects', async () => {
    createClient()
    const heard = vi.fn()
    client.on('pong', heard)
    const emit = client.emit('ping', {})
    client.disconnect()
    expect(client.state).toMatchObject({ status: 'closed', reason: { code: 'CLOSED' } })
    await settle()
    expect([client.state.status, server.opened]).toEqual(['closed', 0])

    client.connect()
    await is('connected')
    server.event('pong', { timestamp: '2026-01-01T00:00:00.000Z' })
    await eventually(() => expect(heard).toHaveBeenCalled())
    server.answer(server.last('ping'), done({ timestamp: '2026-01-01T00:00:00.000Z' }))
    await emit
    expect(server.sent).toHaveLength(1)
  })

  it('says that the engine could not be loaded, and tries again when asked to', async () => {
    const { createClientWith } = await import('../src/client.js')
    let works = false
    const { loadOnce } = await import('../src/loadOnce.js')
    const wasm = await readFile(new URL('../src/wasm/samewire_wasm_client_bg.wasm', import.meta.url))
    const load = loadOnce(() => {
      if (!works) throw new Error('404')
      return wasm
    })
    client = createClientWith(load)('http://localhost', { autoConnect: true, WebSocket: server.WebSocket })
    const join = client.join('room:a')
    await expect(join).rejects.toMatchObject({ code: 'LOAD_FAILED', retryable: true })
    expect(client.state.status).toBe('closed')
    works = true
    client.connect()
    await is('connected')
  })
})

describe('events', () => {
  const ended = (offset: number) => [
    'session-ended',
    { sessionId: 's', externalUserId: 'u', submitted: true, timestamp: '2026-01-01T00:00:00.000Z' },
    'project:1',
    offset,
  ] as const

  beforeEach(async () => {
    createClient()
    await is('connected')
    await client.join('project:1')
  })

  it('reach their handlers with their place, in order and once', async () => {
    const seen: (number | undefined)[] = []
    client.on('session-ended', (_payload, { room, position }) => {
      expect(room).toBe('project:1')
      seen.push(position?.offset)
    })
    for (const offset of [1, 2, 2, 3]) server.event(...ended(offset))
    await eventually(() => expect(seen).toEqual([1, 2, 3]))
  })

  it('of a room are acknowledged where the server asks for it', async () => {
    const [event, payload, room, offset] = ended(1)
    client.on(event, (_payload, { acknowledge, position }) => {
      expect(position?.offset).toBe(1)
      acknowledge?.({ seen: true })
    })
    server.socket.receive(`427${JSON.stringify([event, payload, { room, epoch: 'e', offset }])}`)
    await eventually(() => expect(server.socket.received).toContain('437[{"seen":true}]'))
  })

  it('reach a room handle until it is left, and handlers of one room alone', async () => {
    const room = await client.join('project:1')
    const other = await client.join('project:2')
    const [inRoom, inOther, byRoom] = [vi.fn(), vi.fn(), vi.fn()]
    room.on('session-ended', inRoom)
    other.on('session-ended', inOther)
    client.on('session-ended', byRoom, { room: 'project:1' })
    server.event(...ended(1))
    await eventually(() => expect(byRoom).toHaveBeenCalledTimes(1))
    room.leave()
    server.event(...ended(2))
    await eventually(() => expect(byRoom).toHaveBeenCalledTimes(2))
    expect(inRoom).toHaveBeenCalledTimes(1)
    expect(inOther).not.toHaveBeenCalled()
    expect(room.position).toEqual({ epoch: 'e', offset: 2 })
  })

  it('that do not fit their type reach no handler', async () => {
    const [handler, told] = [vi.fn(), vi.fn<(error: ProtocolError) => void>()]
    client.on('session-ended', handler)
    client.on('protocol-error', told)
    const [event, payload, room] = ended(1)
    server.event(event, { ...payload, submitted: 'yes' }, room, 1)
    server.event(...ended(2))
    await eventually(() => expect(handler).toHaveBeenCalledTimes(1))
    expect(told.mock.calls[0]?.[0]).toEqual({ event: 'session-ended', path: 'submitted', message: 'expected a boolean' })
  })

  it('hurt no other handler when one throws', async () => {
    const reported = vi.fn()
    vi.stubGlobal('reportError', reported)
    const [second, oops] = [vi.fn(), new Error('oops')]
    client.on('session-ended', () => {
      throw oops
    })
    client.on('session-ended', second)
    server.event(...ended(1))
    await eventually(() => expect(second).toHaveBeenCalled())
    expect(reported).toHaveBeenCalledWith(oops)
    vi.unstubAllGlobals()
  })

  it('may be answered by calling back: emitting, joining and closing', async () => {
    const handler = vi.fn(() => {
      void client.emit('ping', {}).catch(() => {})
      void client.join('room:b').catch(() => {})
      client.close()
    })
    client.on('session-ended', handler)
    server.event(...ended(1))
    server.event(...ended(2))
    await eventually(() => expect(handler).toHaveBeenCalledTimes(1))
    await settle()
    expect(handler).toHaveBeenCalledTimes(1)
    expect(client.stats).toEqual(NOTHING)
  })

  it('that the server wants to hear of can be acknowledged', async () => {
    client.on('pong', (_pong, { acknowledge }) => acknowledge?.({ heard: true }))
    server.socket.receive('427["pong",{"timestamp":"2026-01-01T00:00:00.000Z"}]')
    await eventually(() => expect(server.socket.received).toContain('437[{"heard":true}]'))
  })

  it('bring their binary parts', async () => {
    const handler = vi.fn()
    client.on('broadcast', handler)
    const data = { file: { _placeholder: true, num: 0 } }
    const broadcast = { room: 'room:a', event: 'file', data, userId: 'bob', timestamp: '2026-01-01T00:00:00.000Z' }
    server.socket.receive(`451-${JSON.stringify(['broadcast', broadcast])}`)
    server.socket.receive(new Uint8Array([1, 2, 3]).buffer)
    await eventually(() => expect(handler).toHaveBeenCalled())
    expect(new Uint8Array(handler.mock.calls[0]?.[0].data.file)).toEqual(new Uint8Array([1, 2, 3]))
  })

  it('are heard from the first on by who joined, however late the join is looked at', async () => {
    const seen: number[] = []
    const join = client.join('room:late')
    const told = { room: 'room:late', entity: 'e', action: 'create', id: 'i', data: 1, version: 1, userId: 'u', timestamp: '2026-01-01T00:00:00.000Z' }
    server.event('data:update', told, 'room:late', 1)
    const room = await (async () => await join)()
    room.on('data:update', (_data, { position }) => seen.push(position!.offset))
    await eventually(() => expect(seen).toEqual([1]))
  })
})

describe('emits', () => {
  beforeEach(async () => {
    createClient({ ackTimeout: 50, retries: 1 })
    await is('connected')
  })

  it('resolve with the answer', async () => {
    const pong = { timestamp: '2026-01-01T00:00:00.000Z' }
    server.answers.ping = () => done(pong)
    expect(await client.emit('ping', {})).toEqual(pong)
    expect(server.last('ping').id).toMatch(/^[0-9a-f-]{36}$/)
  })

  it('reject with the code of a refusal', async () => {
    server.answers['data:update'] = () => refused('RATE_LIMIT_EXCEEDED', { retryAfterMs: 500 })
    const emit = client.emit('data:update', { room: 'room:a', entity: 'e', action: 'create' })
    await expect(emit).rejects.toBeInstanceOf(SamewireError)
    await expect(emit).rejects.toMatchObject({ code: 'RATE_LIMIT_EXCEEDED', message: 'because', retryable: true, retryAfterMs: 500 })
  })

  it('that fail are told to who watches all of them, those that were given up are not', async () => {
    const told = vi.fn()
    client.on('refused', told)
    server.answers['data:update'] = () => refused('CONFLICT')
    server.answers['room:join'] = () => refused('ACCESS_DENIED')
    const update = client.emit('data:update', { room: 'room:a', entity: 'e', action: 'create' })
    const join = client.join('room:secret')
    await expect(update).rejects.toMatchObject({ code: 'CONFLICT' })
    await expect(join).rejects.toMatchObject({ code: 'ACCESS_DENIED' })
    const given = AbortSignal.abort(new Error('never mind'))
    await expect(client.emit('ping', {}, { signal: given })).rejects.toThrow('never mind')
    expect(told.mock.calls.map(([{ event, room, error }]) => [event, room, error.code])).toEqual([
      ['data:update', undefined, 'CONFLICT'],
      ['room:join', 'room:secret', 'ACCESS_DENIED'],
    ])
  })

  it('reject an answer that does not fit its type', async () => {
    server.answers.ping = () => done({ timestamp: 5 })
    await expect(client.emit('ping', {})).rejects.toMatchObject({ code: 'INVALID_ANSWER' })
  })

  it('are sent again under the same id, and give up in the end', async () => {
    await expect(client.emit('ping', {})).rejects.toMatchObject({ code: 'TIMEOUT', retryable: true })
    const [first, second, ...more] = server.sent.filter(({ event }) => event === 'ping')
    expect(second?.id).toBe(first?.id)
    expect(more).toEqual([])
  })

  it('end with their signal', async () => {
    const controller = new AbortController()
    const emit = client.emit('ping', {}, { signal: controller.signal })
    expect(client.stats.pendingEmits).toBe(1)
    controller.abort(new Error('never mind'))
    await expect(emit).rejects.toThrow('never mind')
    expect(client.stats.pendingEmits).toBe(0)
    await expect(client.emit('ping', {}, { signal: controller.signal })).rejects.toThrow('never mind')
  })

  it('are written when they are made, with their binary parts beside them', async () => {
    const bytes = new Uint8Array([1, 2, 3])
    const payload = { room: 'room:a', event: 'file', data: { bytes, list: [1] } }
    void client.emit('broadcast', payload).catch(() => {})
    bytes[0] = 9
    payload.data.list.push(2)
    await eventually(() => expect(server.last('broadcast').payload.data).toEqual({ bytes: { _placeholder: true, num: 0 }, list: [1] }))
    const frames = server.socket.received
    const head = frames.findIndex((frame) => typeof frame === 'string' && frame.startsWith('451-'))
    expect(new Uint8Array(frames[head + 1] as ArrayBuffer)).toEqual(new Uint8Array([1, 2, 3]))
  })

  it('that can not be written are refused', async () => {
    const cycle: Record<string, unknown> = {}
    cycle.self = cycle
    await expect(client.emit('presence:update', { room: 'room:a', state: cycle })).rejects.toMatchObject({ code: 'INVALID_PAYLOAD' })
  })

  it('that are volatile are sent at once or not at all', async () => {
    await client.emit('ping', {}, { volatile: true })
    expect(server.last('ping').ack).toBeUndefined()
    client.disconnect()
    await expect(client.emit('ping', {}, { volatile: true })).rejects.toMatchObject({ code: 'NOT_CONNECTED' })
  })

  it('wait while offline, up to a limit', async () => {
    client.close()
    createClient({ autoConnect: false, queueLimit: 2 })
    server.answers.ping = () => done({ timestamp: '2026-01-01T00:00:00.000Z' })
    const emits = [client.emit('ping', {}), client.emit('ping', {})]
    await expect(client.emit('ping', {})).rejects.toMatchObject({ code: 'QUEUE_FULL' })
    client.connect()
    await Promise.all(emits)
  })
})

describe('rooms', () => {
  beforeEach(async () => {
    createClient()
    await is('connected')
  })

  it('are told with how much of each was delivered', async () => {
    server.answers['room:join'] = ({ room }) => done({ room, position: { epoch: 'e', offset: 3 }, recovered: true, missed: 0, users: [] })
    const room = await client.join('room:a')
    expect([...client.positions]).toEqual([['room:a', { epoch: 'e', offset: 3 }]])
    room.leave()
    expect([...client.positions]).toEqual([])
  })

  it('are joined without waiting for a timer: those of a hidden page come late', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout'] })
    try {
      const rooms = await Promise.all(['a', 'b', 'c'].map((name) => client.join(`room:${name}`)))
      const heard = new Promise((resolve) => rooms[2]!.on('broadcast', resolve))
      server.event('broadcast', { room: 'room:c', event: 'e', data: 1, userId: 'u', timestamp: '2026-01-01T00:00:00.000Z' }, 'room:c', 1)
      await heard
    } finally {
      vi.useRealTimers()
    }
  })

  it('are joined once and left by the last', async () => {
    const leaves = vi.fn(({ room }) => done({ room }))
    server.answers['room:leave'] = leaves
    const [first, second] = await Promise.all([client.join('project:1'), client.join('project:1')])
    expect(client.stats.rooms).toBe(1)
    first.leave()
    first.leave()
    expect(leaves).not.toHaveBeenCalled()
    second.leave()
    expect(leaves).toHaveBeenCalledTimes(1)
    expect(client.stats.rooms).toBe(0)
  })

  it('refuse with the code of the server', async () => {
    server.answers['room:join'] = () => refused('PROJECT_ACCESS_DENIED')
    await expect(client.join('stories:1')).rejects.toMatchObject({ code: 'PROJECT_ACCESS_DENIED', retryable: false })
    expect(client.stats.rooms).toBe(0)
  })

  it('show who is there', async () => {
    const user = (userId: string) => ({ userId, status: 'online', connections: 1, joinedAt: '2026-01-01T00:00:00.000Z', lastActiveAt: '2026-01-01T00:00:00.000Z' })
    const room = await client.join('room:a')
    const changed = vi.fn()
    room.presence.subscribe(changed)
    server.event('presence:state', { room: 'room:a', users: [user('ada')] })
    await eventually(() => expect(changed).toHaveBeenCalled())
    const [ada] = room.presence.users
    expect(room.presence.users).toBe(room.presence.users)
    server.event('presence:update', { room: 'room:a', joined: [user('bob')], updated: [], left: [] }, 'room:a', 1)
    await eventually(() => expect(room.presence.users.map(({ userId }) => userId)).toEqual(['ada', 'bob']))
    expect(room.presence.users[0]).toBe(ada)
  })

  it('that the server takes away say so', async () => {
    const room = await client.join('project:1')
    const removed = vi.fn()
    room.on('removed', removed)
    server.event('error', { code: 'PROJECT_INACTIVE', message: 'off', error: 'off', timestamp: '2026-01-01T00:00:00.000Z', room: 'project:1' })
    await eventually(() => expect(removed).toHaveBeenCalled())
    expect(removed.mock.calls[0]?.[0]).toMatchObject({ code: 'PROJECT_INACTIVE' })
    expect(client.stats.rooms).toBe(0)
  })

  it('may be left before they are joined', async () => {
    const controller = new AbortController()
    const join = client.join('project:1', { signal: controller.signal })
    controller.abort()
    await expect(join).rejects.toThrow()
    expect(client.stats.rooms).toBe(0)
  })

  it('leave all counts where they were, ten thousand times', async () => {
    const before = client.stats
    for (let round = 0; round < 10_000; round++) {
      const offs = [client.subscribe(() => {}), client.on('pong', () => {}), client.on('protocol-error', () => {})]
      for (const off of offs) off()
    }
    for (let round = 0; round < 200; round++) {
      const room = await client.join('room:a')
      room.on('broadcast', () => {})
      room.on('reset', () => {})
      room.presence.subscribe(() => {})
      room.leave()
    }
    await settle()
    expect(client.stats).toEqual(before)
  })
})
