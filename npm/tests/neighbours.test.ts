/// A server of the next version: a field is added to every object that it sends, and events are sent
/// that this version doesn't know. Nothing of it is an error.
import { readFileSync, readdirSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { answers, payloads, type Check } from '../src/generated/checks.js'
import { createClient as createNodeClient } from '../src/index.node.js'
import type { Client } from '../src/types.js'
import { eventually } from './eventually.js'
import { FakeServer, FakeSocket, done, refused } from './fakeServer.js'

/** A number, which a map of numbers takes for an entry. */
const ADDED = { addedLater: 7 }

function withAddedFields(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withAddedFields)
  if (typeof value !== 'object' || value === null) return value
  return { ...Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, withAddedFields(inner)])), ...ADDED }
}

describe('a golden payload with added fields', () => {
  const root = new URL('../../protocol/fixtures/', import.meta.url)
  const fixtures = readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.json'))
    .map((path) => JSON.parse(readFileSync(new URL(path, root), 'utf8')))

  it.each(fixtures)('passes: $event', ({ event, direction, payload, answer }) => {
    const checks: Readonly<Record<string, Check>> = direction === 'server' ? payloads : answers
    const carried = direction === 'server' ? payload : answer
    expect(checks[event]?.(withAddedFields(carried))).toBeUndefined()
  })
})

describe('a client of a server that is newer', () => {
  let server: FakeServer
  let client: Client
  const wrong = vi.fn()

  beforeEach(() => {
    server = new FakeServer()
    const { receive } = FakeSocket.prototype
    vi.spyOn(FakeSocket.prototype, 'receive').mockImplementation(function (this: FakeSocket, frame) {
      const [, head, text] = /^(\d+)(.*)$/s.exec(String(frame))!
      receive.call(this, text === '' ? frame : head + JSON.stringify(withAddedFields(JSON.parse(text!))))
    })
    wrong.mockClear()
    client = createNodeClient('http://localhost:3000', { token: 'jwt', WebSocket: server.WebSocket, autoConnect: true, reconnectionDelay: 1 })
    client.on('protocol-error', wrong)
  })

  afterEach(() => {
    client.close()
    vi.restoreAllMocks()
    expect(wrong).not.toHaveBeenCalled()
  })

  it('signs in, joins, comes back and goes on', async () => {
    const room = await client.join('room:tea')
    const recovered = vi.fn()
    room.on('recovered', recovered)
    server.socket.lose()
    await eventually(() => expect(recovered).toHaveBeenCalled())
    expect(client.session?.userId).toBe('ada')
    expect(server.handshakes[1].resume).toContainEqual({ room: 'room:tea', epoch: 'e', offset: 0 })
  })

  it('sees all of a room in order, what it does not know among it, and fills a hole', async () => {
    server.answers['room:history'] = () =>
      done({ events: [{ event: 'tea:poured', payload: { cups: 2 }, offset: 2 }], position: { epoch: 'e', offset: 3 }, complete: true })
    const room = await client.join('room:tea')
    const seen: unknown[] = []
    const place = (name: string) => (_: unknown, { position }: { position?: { offset: number } }) => void seen.push([name, position?.offset])
    room.on('tea:poured' as never, place('tea:poured'))
    room.on('broadcast', place('broadcast'))
    const broadcast = { room: 'room:tea', event: 'x', data: {}, userId: 'ben', timestamp: '2030-01-01T00:00:00.000Z' }
    server.event('tea:poured', { cups: 1 }, 'room:tea', 1)
    server.event('broadcast', broadcast, 'room:tea', 3)
    await eventually(() => expect(seen).toEqual([['tea:poured', 1], ['tea:poured', 2], ['broadcast', 3]]))
    server.event('tea:announced', { to: 'everybody' })
    server.event('broadcast', broadcast, 'room:tea', 4)
    await eventually(() => expect(seen.at(-1)).toEqual(['broadcast', 4]))
    expect(client.state.status).toBe('connected')
  })

  it('knows who is there', async () => {
    const room = await client.join('room:tea')
    const user = { userId: 'ben', status: 'online', connections: 1, joinedAt: '2030-01-01T00:00:00.000Z', lastActiveAt: '2030-01-01T00:00:00.000Z' }
    server.event('presence:update', { room: 'room:tea', joined: [user], updated: [], left: [] })
    await eventually(() => expect(room.presence.users.map(({ userId }) => userId)).toEqual(['ben']))
  })

  it('is answered, and told why it is refused, by codes it does not know too', async () => {
    server.answers['broadcast'] = () => done({ position: { epoch: 'e', offset: 1 } })
    await client.emit('broadcast', { room: 'room:tea', event: 'x', data: {} })
    server.answers['broadcast'] = () => refused('ACCESS_DENIED', { retryAfterMs: 5 })
    await expect(client.emit('broadcast', { room: 'room:tea', event: 'x', data: {} })).rejects.toMatchObject({ code: 'ACCESS_DENIED' })
    server.answers['broadcast'] = () => refused('TEA_IS_OUT')
    await expect(client.emit('broadcast', { room: 'room:tea', event: 'x', data: {} })).rejects.toMatchObject({ message: expect.stringContaining('because') })
  })
})
