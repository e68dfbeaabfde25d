import type { LiveSession } from 'samewire/react'
import { useMemo } from 'react'
import { useFetched } from '../api'

/** A session as the server stores it. */
export interface StoredSession {
  sessionId: string
  externalUserId: string
  startedAt: string
  endedAt?: string
  submitted: boolean
}

/** Sessions that are listed, the newest. */
const LISTED = 50

/** The project's sessions, newest first: those that were there before, and those that are watched. */
export function useSessions(projectId: string | undefined, live: readonly LiveSession[], version: number): LiveSession[] {
  const stored = useFetched<{ sessions: StoredSession[] }>(projectId && `projects/${projectId}/sessions`, version)
  return useMemo(() => merge(stored?.sessions ?? [], live), [stored, live])
}

/**
 * A session only ever ends, so whoever knows of its end knows more; and who stored it knows how it
 * ended, where one who watches may only have missed it.
 */
export function merge(stored: readonly StoredSession[], live: readonly LiveSession[]): LiveSession[] {
  const sessions = new Map(live.map((session) => [session.sessionId, session]))
  for (const session of stored.map(fromStored)) {
    const watched = sessions.get(session.sessionId)
    const { status } = session.status === 'live' && watched ? watched : session
    sessions.set(session.sessionId, { ...watched, ...session, status })
  }
  return [...sessions.values()].sort((a, b) => b.startedAt.localeCompare(a.startedAt)).slice(0, LISTED)
}

function fromStored({ sessionId, externalUserId, startedAt, endedAt, submitted }: StoredSession): LiveSession {
  const status = submitted ? 'submitted' : endedAt ? 'ended' : 'live'
  return { sessionId, externalUserId, startedAt, status, ...(endedAt && { endedAt }) }
}
