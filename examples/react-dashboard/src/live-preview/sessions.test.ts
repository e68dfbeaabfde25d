import type { LiveEvent, LiveSession } from 'samewire/react'
import { expect, test } from 'vitest'
import { append } from './useSessionEvents'
import { merge, type StoredSession } from './useSessions'

const live = (sessionId: string, status: LiveSession['status'] = 'live'): LiveSession => ({
  sessionId,
  externalUserId: 'visitor',
  status,
  startedAt: `2026-01-01T00:0${sessionId}:00.000Z`,
})
const stored = (sessionId: string, ended: boolean): StoredSession => ({
  sessionId,
  externalUserId: 'visitor',
  startedAt: `2026-01-01T00:0${sessionId}:00.000Z`,
  submitted: ended,
  ...(ended && { endedAt: '2026-01-01T01:00:00.000Z' }),
})

test('sessions are those stored and those watched, newest first', () => {
  expect(merge([stored('1', true)], [live('2')]).map(({ sessionId }) => sessionId)).toEqual(['2', '1'])
})

test('whoever knows of the end of a session is right', () => {
  expect(merge([stored('1', true)], [live('1')])).toMatchObject([{ status: 'submitted' }])
  expect(merge([stored('1', false)], [live('1', 'ended')])).toMatchObject([{ status: 'ended' }])
  expect(merge([stored('1', true)], [live('1', 'ended')])).toMatchObject([{ status: 'submitted' }])
})

const at = (timestamp: string, value: string) => ({ eventType: 'input', timestamp, field: 'name', value })
const watched = (index: number, timestamp: string, value: string): LiveEvent => ({
  sessionId: 's',
  externalUserId: 'visitor',
  event: at(timestamp, value),
  index,
})

test('an event that is stored and arrives too is one', () => {
  const events = append([at('1', 'A'), at('2', 'Ad')], [watched(0, '1', 'A'), watched(1, '2', 'Ad'), watched(2, '2', 'Ada'), watched(3, '3', 'Adas')])
  expect(events.map(({ event }) => event.value)).toEqual(['A', 'Ad', 'Ada', 'Adas'])
  expect(new Set(events.map(({ index }) => index)).size).toBe(4)
})
