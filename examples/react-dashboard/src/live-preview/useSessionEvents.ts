import type { LiveEvent } from 'samewire/react'
import { useMemo } from 'react'
import { useFetched } from '../api'

type TrackerEvent = LiveEvent['event']

/** What happened in a session: what is stored of it, and then what arrives. */
export function useSessionEvents(sessionId: string | undefined, live: readonly LiveEvent[], version: number): SessionEvent[] {
  const stored = useFetched<{ events: TrackerEvent[] }>(sessionId && `sessions/${sessionId}/events`, version)
  return useMemo(() => {
    const watched = live.filter((event) => event.sessionId === sessionId)
    return append(stored?.events ?? [], watched)
  }, [stored, live, sessionId])
}

/** An event, and a key for lists. */
export type SessionEvent = Pick<LiveEvent, 'event' | 'index'>

/**
 * What was stored when it was asked for, and what arrived of later events. Some of what arrived was
 * stored by then; a session's events are in order, so it is told by the time and, within the same
 * millisecond, by what happened.
 */
export function append(stored: readonly TrackerEvent[], watched: readonly LiveEvent[]): SessionEvent[] {
  const last = stored.at(-1)?.timestamp ?? ''
  const known = new Set(stored.filter(({ timestamp }) => timestamp === last).map(signature))
  const later = watched.filter(({ event }) => event.timestamp > last || (event.timestamp === last && !known.has(signature(event))))
  return [...stored.map((event, place) => ({ event, index: place - stored.length })), ...later]
}

function signature({ eventType, field, value, keyChar, key }: TrackerEvent): string {
  return JSON.stringify([eventType, field, value, keyChar, key])
}
