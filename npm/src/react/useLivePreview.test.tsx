// @vitest-environment jsdom
import { expect, test } from 'vitest'
import type { SessionStarted } from '../protocol.js'
import { endWithTest, eventually, rendersOnServer, renderWithServer, testServer } from './testing/renderWithServer.js'
import { useLivePreview } from './useLivePreview.js'

endWithTest()

const ROOM = 'project:1'
const started = (sessionId = 's1', minute = 0): SessionStarted => ({ sessionId, externalUserId: 'visitor', timestamp: `2026-01-01T00:0${minute}:00.000Z` })
const ended = (sessionId = 's1') => ({ ...started(sessionId), submitted: true, timestamp: '2026-01-01T00:09:00.000Z' })
const typed = (keyChar: string, sessionId = 's1') => ({
  sessionId,
  externalUserId: 'visitor',
  event: { eventType: 'keydown', timestamp: '2026-01-01T00:00:01.000Z', keyChar },
})

async function watch(...open: SessionStarted[]) {
  const server = testServer()
  const sessions = open
  server.on('open-sessions', () => ({ sessions }))
  const rendered = renderWithServer(({ id }: { id: string | undefined }) => useLivePreview(id), { server, initialProps: { id: '1' as string | undefined } })
  await rendered.gives({ status: 'joined' })
  return { ...rendered, sessions }
}

test('shows a session from its start to its end, with what happens in it', async () => {
  const { result, server, gives } = await watch()
  expect(result.current).toEqual({ sessions: [], events: [], status: 'joined', error: undefined })

  server.deliver(ROOM, 'session-started', started())
  await gives({ sessions: [{ sessionId: 's1', status: 'live', startedAt: started().timestamp }] })

  for (const key of 'hi') server.deliver(ROOM, 'event-received', typed(key))
  await gives({ events: [{ event: { keyChar: 'h' }, index: 0 }, { event: { keyChar: 'i' }, index: 1 }] })

  server.deliver(ROOM, 'session-ended', ended())
  await gives({ sessions: [{ status: 'submitted', startedAt: started().timestamp, endedAt: ended().timestamp }] })
  expect(server.emits.map(({ event }) => event), 'StrictMode joins and reads once').toEqual(['room:join', 'open-sessions'])
})

test('knows the sessions that were there before, and learns of others by what happens in them', async () => {
  const { server, gives } = await watch(started('newer', 2), started('older', 1))
  await gives({ sessions: [{ sessionId: 'older', status: 'live' }, { sessionId: 'newer', status: 'live' }] })
  server.deliver(ROOM, 'event-received', typed('x', 'another'))
  await gives({ sessions: [{ sessionId: 'older' }, { sessionId: 'newer' }, { sessionId: 'another', status: 'live' }] })
})

test('knows what goes on after the log was lost', async () => {
  const { server, gives, sessions } = await watch(started('stays', 1), started('ends', 0))
  await gives({ sessions: [{ sessionId: 'ends', status: 'live' }, { sessionId: 'stays' }] })
  sessions.splice(0, 2, started('new', 2), started('stays', 1))
  server.restart()
  await gives({ sessions: [{ sessionId: 'ends', status: 'ended' }, { sessionId: 'stays', status: 'live' }, { sessionId: 'new', status: 'live' }] })
})

test('what happens while it is read which sessions go on is neither lost nor shown twice', async () => {
  const server = testServer()
  let letRead = () => {}
  const reading = new Promise<void>((resolve) => (letRead = resolve))
  server.on('open-sessions', async () => {
    await reading
    return { sessions: [started('b', 1), started('a')] }
  })
  const { gives } = renderWithServer(() => useLivePreview('1'), { server })
  await eventually(() => expect(server.emits.at(-1)?.event).toBe('open-sessions'))
  server.deliver(ROOM, 'event-received', typed('x', 'a'))
  server.deliver(ROOM, 'session-ended', ended('a'))
  await gives({ status: 'joining', events: { length: 1 }, sessions: [{ sessionId: 'a', status: 'submitted' }] })
  letRead()
  await gives({ status: 'joined', events: { length: 1 }, sessions: [{ sessionId: 'a', status: 'submitted' }, { sessionId: 'b', status: 'live' }] })
})

test('sessions stay the same array while only keys arrive', async () => {
  const { result, server, gives } = await watch(started())
  await gives({ sessions: { length: 1 } })
  const { sessions } = result.current
  server.deliver(ROOM, 'event-received', typed('a'))
  await gives({ events: { length: 1 } })
  expect(result.current.sessions).toBe(sessions)
})

test('keeps the last 500 events, and shows a burst once', async () => {
  const { result, server, rendersForBurst } = await watch(started())
  const burst = () => [...'abcde'].forEach((key) => server.deliver(ROOM, 'event-received', typed(key)))
  expect(await rendersForBurst(burst)).toBe(1)
  expect(result.current.events).toHaveLength(500)
  expect(result.current.events.at(-1)?.index).toBe(999)
})

test('is told why it may not watch', async () => {
  const server = testServer()
  server.refuseRoom(ROOM, 'UNAUTHORIZED')
  await renderWithServer(() => useLivePreview('1'), { server }).gives({ status: 'refused', error: { code: 'UNAUTHORIZED' } })
})

test('without a project, and on a server, there is nothing to watch', async () => {
  const nothing = { sessions: [], events: [], status: 'idle', error: undefined }
  const { result, rerender, leavesNothing } = await watch()
  rerender({ id: undefined })
  expect(result.current).toEqual(nothing)
  await leavesNothing()
  expect(rendersOnServer(() => useLivePreview('1')).result).toEqual(nothing)
})
