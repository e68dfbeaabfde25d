// @vitest-environment jsdom
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Client } from '../types.js'
import { createTestServer, SamewireError, type TestServer } from './index.js'

let server: TestServer
let client: Client

const started = (sessionId: string) => ({ sessionId, externalUserId: 'visitor', timestamp: '2026-01-01T00:00:00.000Z' })
/** Waits until nothing throws. On a machine that has other things to do it may take a while. */
const eventually = <T>(look: () => T) => vi.waitFor(look, { timeout: 30_000, interval: 2 })
const connected = () => eventually(() => expect(client.state.status).toBe('connected'))
const NOTHING = { timers: 0, listeners: 0, sockets: 0, rooms: 0, pendingEmits: 0 }

beforeEach(() => {
  server = createTestServer()
  client = server.createClient()
})

afterEach(() => {
  vi.useRealTimers()
  server.close()
  expect(client.stats).toEqual(NOTHING)
  expect(server.connections).toBe(0)
})

/** Joins a room and notes what comes of it. */
async function watch() {
  const room = await client.join('project:1')
  const heard: string[] = []
  room.on('session-started', ({ sessionId }) => heard.push(sessionId))
  room.on('recovered', ({ missed }) => heard.push(`recovered ${missed}`))
  room.on('reset', () => heard.push('reset'))
  room.on('removed', ({ code }) => heard.push(code))
  const comes = (...expected: string[]) => eventually(() => expect(heard).toEqual(expected))
  return { room, comes }
}

test('a client connects, as a user of its own', async () => {
  const grace = server.createClient({ userId: 'grace' })
  await connected()
  await eventually(() => expect([client.session?.userId, grace.session?.userId]).toEqual(['ada', 'grace']))
  expect(server.connections).toBe(2)
})

test('delivers to a room and to everybody', async () => {
  const { comes } = await watch()
  const pong = vi.fn()
  client.on('pong', pong)
  server.deliver('project:1', 'session-started', started('a'))
  server.deliver('project:2', 'session-started', started('of another room'))
  server.send('pong', { timestamp: '2026-01-01T00:00:00.000Z' })
  await comes('a')
  await eventually(() => expect(pong).toHaveBeenCalledOnce())
})

test('who asked for some events of a room is sent those', async () => {
  const room = await client.join('project:1', { events: ['session-ended'] })
  const heard: string[] = []
  room.on('session-started', () => heard.push('started'))
  room.on('session-ended', () => heard.push('ended'))
  server.deliver('project:1', 'session-started', started('a'))
  server.deliver('project:1', 'session-ended', { ...started('a'), submitted: true })
  await eventually(() => expect(heard).toEqual(['ended']))
})

test('what was missed while connections were broken comes afterwards', async () => {
  const { comes } = await watch()
  server.deliver('project:1', 'session-started', started('a'))
  await comes('a')
  server.drop()
  expect(server.connections).toBe(0)
  server.deliver('project:1', 'session-started', started('b'))
  await comes('a', 'b', 'recovered 1')
})

test('stays out of reach until it is to be reached again', async () => {
  await connected()
  server.reachable = false
  server.drop()
  await eventually(() => expect(client.state.status === 'reconnecting' && client.state.attempt).toBeGreaterThanOrEqual(3))
  await expect(client.fetch('/api/projects')).rejects.toThrow('fetch failed')
  server.reachable = true
  await connected()
})

test('a restart loses the logs of rooms', async () => {
  const { comes } = await watch()
  server.deliver('project:1', 'session-started', started('a'))
  await comes('a')
  server.restart()
  server.deliver('project:1', 'session-started', started('b'))
  await comes('a', 'reset')
})

test('frozen, it holds back what is sent either way', async () => {
  const { comes } = await watch()
  server.on('typing:start', ({ conversationId }) => ({ conversationId }))
  server.freeze()
  server.deliver('project:1', 'session-started', started('a'))
  const typing = client.emit('typing:start', { conversationId: '1' })
  await new Promise((resolve) => setTimeout(resolve, 5))
  await comes()
  expect(server.emits.map(({ event }) => event)).toEqual(['room:join'])
  server.thaw()
  await comes('a')
  await expect(typing).resolves.toEqual({ conversationId: '1' })
})

test('frozen for long, it is given up', async () => {
  vi.useFakeTimers()
  client.close()
  client = server.createClient()
  await connected()
  await vi.advanceTimersByTimeAsync(60_000)
  expect(client.state.status, 'it pings').toBe('connected')
  const why: string[] = []
  client.subscribe(() => client.state.status === 'reconnecting' && why.push(client.state.reason.code))
  server.freeze()
  await vi.advanceTimersByTimeAsync(90_000)
  expect(why[0]).toBe('PING_TIMEOUT')
})

test('expired tokens are replaced by fresh ones, and nothing is missed', async () => {
  const { comes } = await watch()
  server.expire()
  server.deliver('project:1', 'session-started', started('a'))
  await comes('a', 'recovered 1')
  server.onRequest('GET /api/projects', () => [])
  expect((await client.fetch('/api/projects')).status).toBe(200)
})

test('refuses connections, rooms and events until it admits them', async () => {
  await connected()
  const admitRoom = server.refuseRoom('project:1', 'UNAUTHORIZED', 'not yours')
  await expect(client.join('project:1')).rejects.toMatchObject({ code: 'UNAUTHORIZED', message: 'not yours' })
  admitRoom()
  const { comes } = await watch()
  server.refuseRoom('project:1', 'PROJECT_INACTIVE')
  await comes('PROJECT_INACTIVE')

  server.on('typing:start', ({ conversationId }) => ({ conversationId }))
  const admit = server.refuse('typing:start', 'RATE_LIMIT_EXCEEDED')
  await expect(client.emit('typing:start', { conversationId: '1' })).rejects.toMatchObject({ code: 'RATE_LIMIT_EXCEEDED' })
  admit()
  await expect(client.emit('typing:start', { conversationId: '1' })).resolves.toBeDefined()

  server.refuseConnections('UPGRADE_REQUIRED', 'reload')
  server.drop()
  await eventually(() => expect(client.state).toMatchObject({ status: 'closed', reason: { code: 'UPGRADE_REQUIRED', message: 'reload' } }))
})

test('answers events as the test says, and acts once on what comes twice', async () => {
  await connected()
  const answer = vi.fn(async ({ content }: { content: string }) => ({ id: 'm1', conversationId: '1', role: 'user' as const, content, incomplete: false, createdAt: started('').timestamp }))
  server.on('message:send', answer)
  server.freeze()
  const sent = client.emit('message:send', { conversationId: '1', content: 'Hi' })
  // It arrives, and the answer is lost.
  server.thaw()
  server.drop()
  await expect(sent).resolves.toMatchObject({ content: 'Hi' })
  expect(answer).toHaveBeenCalledOnce()
  expect(server.emits).toEqual([{ event: 'message:send', payload: { conversationId: '1', content: 'Hi' }, userId: 'ada' }])
  await expect(client.emit('message:cancel', { conversationId: '1', messageId: '2' })).rejects.toMatchObject({ code: 'UNKNOWN_EVENT' })
})

test('binary values come and go', async () => {
  await connected()
  const bytes = new Uint8Array([1, 2, 3])
  server.on('broadcast', ({ room, event, data }) => {
    const position = server.deliver('room:a', 'broadcast', { room, event, data, userId: 'ada', timestamp: started('').timestamp })
    return { position }
  })
  const room = await client.join('room:a')
  const heard = vi.fn()
  room.on('broadcast', ({ data }) => heard([...new Uint8Array(data as ArrayBuffer)]))
  await client.emit('broadcast', { room: 'room:a', event: 'drawn', data: bytes })
  await eventually(() => expect(heard).toHaveBeenCalledWith([1, 2, 3]))
})

test('others come, change and go; one of several tabs is no other', async () => {
  const room = await client.join('room:a')
  const names = () => room.presence.users.map(({ userId, status }) => `${userId} ${status}`)
  server.present('room:a', { userId: 'grace' })
  await eventually(() => expect(names()).toEqual(['ada online', 'grace online']))
  server.present('room:a', { userId: 'grace', status: 'busy' })
  await client.emit('presence:update', { room: 'room:a', status: 'away' })
  await eventually(() => expect(names()).toEqual(['ada away', 'grace busy']))
  server.absent('room:a', 'grace')
  await eventually(() => expect(names()).toEqual(['ada away']))

  const tab = server.createClient()
  const joined = await tab.join('room:a')
  joined.leave()
  await tab.emit('ping', {})
  expect(server.users('room:a').map(({ userId }) => userId)).toEqual(['ada'])
})

test('answers calls as the test says', async () => {
  server.onRequest('PATCH /api/interactions/{id}', ({ params, query, body, userId }) => ({ ...params, after: query.get('after'), body, userId }))
  server.onRequest('POST /api/projects', () => {
    throw new SamewireError('PROJECT_ACCESS_DENIED', 'not yours')
  })
  const answer = await client.fetch('/api/interactions/a%2Fb?after=1', { method: 'PATCH', body: '{"content":"x"}' })
  expect(await answer.json()).toEqual({ id: 'a/b', after: '1', body: { content: 'x' }, userId: 'ada' })

  const refused = await client.fetch('/api/projects', { method: 'POST' })
  expect([refused.status, refused.headers.get('Content-Type')]).toEqual([403, 'application/problem+json'])
  expect(await refused.json()).toMatchObject({ code: 'PROJECT_ACCESS_DENIED', detail: 'not yours' })
  expect((await client.fetch('/api/unknown')).status).toBe(404)
})
