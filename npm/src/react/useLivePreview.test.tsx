// @vitest-environment jsdom
import { expect, test } from 'vitest'
import type { FakeClient } from './testing/FakeClient.js'
import { frame, paintByHand, renderWithClient } from './testing/renderWithClient.js'
import { useLivePreview } from './useLivePreview.js'

paintByHand()

const started = { sessionId: 's1', externalUserId: 'visitor', timestamp: '2026-01-01T00:00:00.000Z' }
const ended = { ...started, submitted: true, timestamp: '2026-01-01T00:01:00.000Z' }
const typed = (keyChar: string, sessionId = 's1') => ({
  sessionId,
  externalUserId: 'visitor',
  event: { eventType: 'keydown', timestamp: '2026-01-01T00:00:01.000Z', keyChar },
})

const watch = () => renderWithClient(({ id }: { id: string | undefined }) => useLivePreview(id), { initialProps: { id: '1' as string | undefined } })
const receive = (client: FakeClient, event: string, payload: unknown) => client.receive(event, payload, 'project:1')

test('shows a session from its start to its end, with what happens in it', async () => {
  const { result, client } = await watch()
  expect(result.current).toEqual({ sessions: [], events: [], status: 'joined', error: undefined })

  await frame(() => receive(client, 'session-started', started))
  expect(result.current.sessions).toMatchObject([{ sessionId: 's1', status: 'live', startedAt: started.timestamp }])

  await frame(() => [...'hi'].forEach((key) => receive(client, 'event-received', typed(key))))
  expect(result.current.events.map(({ event, index }) => [event.keyChar, index])).toEqual([['h', 0], ['i', 1]])

  await frame(() => receive(client, 'session-ended', ended))
  expect(result.current.sessions).toMatchObject([{ status: 'submitted', startedAt: started.timestamp, endedAt: ended.timestamp }])
})

test('learns of a session that was there before', async () => {
  const { result, client } = await watch()
  await frame(() => receive(client, 'event-received', typed('x', 'older')))
  expect(result.current.sessions).toMatchObject([{ sessionId: 'older', status: 'live' }])
})

test('sessions stay the same array while only keys arrive', async () => {
  const { result, client } = await watch()
  await frame(() => receive(client, 'session-started', started))
  const { sessions } = result.current
  await frame(() => receive(client, 'event-received', typed('a')))
  expect(result.current.sessions).toBe(sessions)
})

test('keeps the last 500 events, and shows a burst once', async () => {
  const { result, client, rendersForBurst } = await watch()
  expect(await rendersForBurst(() => receive(client, 'event-received', typed('a')))).toBe(1)
  expect(result.current.events).toHaveLength(500)
  expect(result.current.events.at(-1)?.index).toBe(999)
})

test('without a project there is nothing to watch', async () => {
  const { result, client, rerender } = await watch()
  rerender({ id: undefined })
  await frame()
  expect(result.current).toEqual({ sessions: [], events: [], status: 'idle', error: undefined })
  expect(client.sent).toEqual(['join project:1', 'leave project:1'])
})
