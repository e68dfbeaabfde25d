// What every Socket.IO server does, a server without ours does too.

import type { Socket } from 'socket.io'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Client, ClientOptions, EventContext, Transport } from '../../src/types.js'
import { PlainServer, connected } from './plainServer.js'
import { eventually } from '../eventually.js'

const BYTES = new Uint8Array([0, 1, 254, 255])

/** By polling alone, and while a websocket takes over from it, all is as by a websocket. */
const WAYS: [string, Transport[]][] = [
  ['a websocket', ['websocket']],
  ['polling', ['polling']],
  ['polling and then a websocket', ['polling', 'websocket']],
]

let transports: Transport[] = ['websocket']
let server: PlainServer
let client: Client
let socket: Socket

const connect = async (options: ClientOptions = {}) => ({ client, socket } = await connected(server, { transports, ...options }))

beforeEach(async () => {
  server = await new PlainServer().listen()
})

afterEach(async () => {
  client.close()
  expect(client.stats).toEqual({ timers: 0, listeners: 0, sockets: 0, rooms: 0, pendingEmits: 0 })
  await server.close()
})

describe.each(WAYS)('a server without ours, by %s,', (_way, by) => {
  beforeEach(() => {
    transports = by
  })

  it('tells events, with a payload or without', async () => {
    await connect()
    const told = vi.fn<(payload: unknown, context: EventContext) => void>()
    client.on('plain:tell', told)
    socket.emit('plain:tell', { text: 'grüße', list: [1, null, true] })
    socket.emit('plain:tell')
    socket.emit('plain:tell', 'first', 'second')
    await eventually(() => expect(told).toHaveBeenCalledTimes(3))
    expect(told.mock.calls.map(([payload]) => payload)).toEqual([{ text: 'grüße', list: [1, null, true] }, undefined, 'first'])
    expect(told.mock.calls.map(([, { room, position, acknowledge }]) => [room, position, acknowledge])).toEqual(Array(3).fill([undefined, undefined, undefined]))
    expect(told.mock.calls.map(([, { rest }]) => rest)).toEqual([undefined, undefined, ['second']])
  })

  it('tells several arguments, binary ones too, and is answered by number', async () => {
    await connect()
    const told = vi.fn<(payload: unknown, context: EventContext) => void>()
    client.on('plain:ask', (payload, context) => {
      told(payload, context)
      context.acknowledge?.(context.rest?.length)
    })
    expect(await socket.emitWithAck('plain:ask', 'first', Buffer.from(BYTES), { third: [3] }, null)).toBe(3)
    const [payload, { rest }] = told.mock.calls[0]!
    expect([payload, rest]).toEqual(['first', [BYTES.buffer, { third: [3] }, null]])
  })

  it('tells what looks like a place in a log, but is none, as it came', async () => {
    await connect()
    const told = vi.fn<(payload: unknown, context: EventContext) => void>()
    client.on('plain:tell', told)
    socket.emit('plain:tell', 1, { room: 'lobby', epoch: 3, offset: 7 })
    await eventually(() => expect(told).toHaveBeenCalledExactlyOnceWith(1, { rest: [{ room: 'lobby', epoch: 3, offset: 7 }] }))
  })

  it('is held to what binary values of one event may weigh', async () => {
    await connect({ maxAttachmentBytes: 10 })
    const told = vi.fn()
    const fault = vi.fn()
    client.on('plain:tell', told)
    client.on('protocol-error', fault)
    socket.emit('plain:tell', [Buffer.alloc(6), Buffer.alloc(5), Buffer.alloc(1)])
    socket.emit('plain:tell', [Buffer.alloc(6), Buffer.alloc(4)])
    await eventually(() => expect(told).toHaveBeenCalledTimes(1))
    expect(fault.mock.calls.map(([{ message }]) => message)).toEqual(['too many bytes of binary values'])
    expect(client.state.status).toBe('connected')
  })

  it('tells thousands of events in their order', async () => {
    await connect()
    const told: unknown[] = []
    client.on('plain:tell', (payload) => told.push(payload))
    const sent = Array.from({ length: 5_000 }, (_, index) => index)
    for (const index of sent) socket.emit('plain:tell', index)
    await eventually(() => expect(told.length).toBe(sent.length))
    expect(told).toEqual(sent)
  })

  it('is told events, with nothing of ours beside the payload', async () => {
    await connect()
    const told = vi.fn()
    socket.on('plain:ask', (...args) => {
      told(args.length, args[0])
      args.at(-1)('heard')
    })
    expect(await client.emit('plain:ask', { a: 1 })).toBe('heard')
    expect(told).toHaveBeenCalledExactlyOnceWith(2, { a: 1 })
    expect(socket.handshake.auth).toEqual({ protocol: '1.0' })
  })

  it('answers whatever it likes', async () => {
    await connect()
    socket.on('plain:ask', (answer, acknowledge) => (answer === null ? acknowledge() : acknowledge(answer)))
    for (const answer of ['text', 0, false, [1, 2], { id: 7 }, { status: 'ok' }, { ok: 'yes' }, { ok: true, id: 7 }, { ok: false }]) {
      expect(await client.emit('plain:ask', answer)).toEqual(answer)
    }
    expect(await client.emit('plain:ask', null)).toBeUndefined()
  })

  it('is answered', async () => {
    await connect()
    client.on('plain:ask', (payload, { acknowledge }) => acknowledge?.({ twice: Number(payload) * 2 }))
    expect(await socket.emitWithAck('plain:ask', 21)).toEqual({ twice: 42 })
  })

  it('that never answers is given up, and not asked twice', async () => {
    await connect({ ackTimeout: 30 })
    const told = vi.fn()
    socket.on('plain:tell', told)
    socket.on('plain:ask', (payload, acknowledge) => acknowledge(payload))
    await expect(client.emit('plain:tell', 1)).rejects.toMatchObject({ code: 'TIMEOUT' })
    // What was sent before has arrived when this is answered.
    await client.emit('plain:ask', 2, { timeout: 30_000 })
    expect(told).toHaveBeenCalledTimes(1)
  })

  it('need not answer what is volatile', async () => {
    await connect()
    const told = new Promise((resolve) => socket.on('plain:tell', (...args) => resolve(args)))
    await client.emit('plain:tell', 'now', { volatile: true })
    expect(await told).toEqual(['now'])
  })

  it('exchanges binary values, wherever they stand', async () => {
    await connect()
    socket.on('plain:ask', (payload, acknowledge) => {
      const { whole, view, deep } = payload
      acknowledge({ back: [whole, view, deep[0].inner], kinds: [whole, view, deep[0].inner].map(Buffer.isBuffer) })
    })
    const payload = { whole: BYTES.buffer, view: BYTES.subarray(1, 3), deep: [{ inner: BYTES }] }
    const answer = (await client.emit('plain:ask', payload)) as { back: ArrayBuffer[]; kinds: boolean[] }
    expect(answer.back.map((part) => [...new Uint8Array(part)])).toEqual([[...BYTES], [1, 254], [...BYTES]])
    expect(answer.kinds).toEqual([true, true, true])
  })

  it('tells and asks with binary values', async () => {
    await connect()
    const told = vi.fn<(payload: unknown) => void>()
    client.on('plain:tell', told)
    client.on('plain:ask', (payload, { acknowledge }) => acknowledge?.({ same: payload }))
    socket.emit('plain:tell', { file: Buffer.from(BYTES), empty: Buffer.alloc(0) })
    const answer = await socket.emitWithAck('plain:ask', Buffer.from(BYTES))
    expect(answer).toEqual({ same: Buffer.from(BYTES) })
    const { file, empty } = told.mock.calls[0]?.[0] as Record<string, ArrayBuffer>
    expect([file, empty]).toEqual([BYTES.buffer, new ArrayBuffer(0)])
  })
})

describe('what of ours it lacks', () => {
  beforeEach(() => {
    transports = ['websocket']
  })

  it('is no session, no recovery and no log', async () => {
    await connect()
    expect(client.session).toBeUndefined()
    socket.join('project:1')
    const told = vi.fn()
    client.on('plain:tell', told)
    server.io.to('project:1').emit('plain:tell', 'to all')
    await eventually(() => expect(told).toHaveBeenCalledWith('to all', {}))
  })

  it('is joining a room: a server that does not know of it is given up', async () => {
    await connect({ ackTimeout: 20, retries: 1 })
    await expect(client.join('project:1')).rejects.toMatchObject({ code: 'TIMEOUT', retryable: true })
    expect(client.stats.rooms).toBe(0)
  })

  it('is joining a room: an answer in other words is none', async () => {
    await connect()
    socket.on('room:join', ({ room }, acknowledge) => acknowledge({ joined: room }))
    await expect(client.join('project:1')).rejects.toMatchObject({ code: 'INVALID_ANSWER' })
    expect(client.stats.rooms).toBe(0)
  })

  it('is nothing that a server of your own could not have: a room without a log', async () => {
    await connect()
    const joined = { recovered: false, missed: 0, users: [], position: { epoch: 'mine', offset: 0 } }
    socket.on('room:join', ({ room }, acknowledge) => acknowledge({ ok: true, data: { ...joined, room } }))
    const room = await client.join('project:1')
    expect([room.address, room.position, room.presence.users]).toEqual(['project:1', { epoch: 'mine', offset: 0 }, []])
    const left = new Promise((resolve) => socket.on('room:leave', ({ room }) => resolve(room)))
    room.leave()
    expect(await left).toBe('project:1')
  })

  it('is a token that somebody reads: who brings one is connected all the same', async () => {
    await connect({ token: 'jwt' })
    expect(socket.handshake.auth).toEqual({ token: 'jwt', protocol: '1.0' })
    expect(client.session).toBeUndefined()
  })
})
