import type { EventReceived, SessionStarted } from '../protocol.js'
import type { Fold } from './roomStore.js'

/** A tracked session, as far as it was watched. */
export interface LiveSession {
  sessionId: string
  /** Who is tracked, in the words of the tracked page. */
  externalUserId: string
  status: 'live' | 'submitted' | 'ended'
  /** When it began, or the first that was seen of it. */
  startedAt: string
  endedAt?: string
}

/** Something that happened in a tracked session. */
export interface LiveEvent extends EventReceived {
  /** Its place among all that were seen, which makes it a key for lists. */
  index: number
}

export interface LivePreview {
  /** In the order in which they began. */
  sessions: readonly LiveSession[]
  /** The last of them, oldest first. */
  events: readonly LiveEvent[]
}

/** How many events are kept, and how many sessions. */
export const KEPT = 500

/** What the events of a project's room add up to (wire.md, section 8). */
export function livePreview(projectId: string): Fold<'project', LivePreview> {
  return {
    name: 'live-preview',
    initial: { sessions: [], events: [] },
    on: EVENTS,
    read: async (client, signal) => {
      const { sessions } = await client.emit('open-sessions', { projectId }, { signal })
      return (before) => ({ ...before, sessions: withOpen(before.sessions, sessions) })
    },
  }
}

const EVENTS: Fold<'project', LivePreview>['on'] = {
  'session-started': ({ sessions, events }, { sessionId, externalUserId, timestamp }) => {
    const session: LiveSession = { sessionId, externalUserId, status: 'live', startedAt: timestamp }
    return { sessions: withSession(sessions, session), events }
  },
  'event-received': ({ sessions, events }, received) => {
    const { sessionId, externalUserId, event } = received
    const index = (events.at(-1)?.index ?? -1) + 1
    const seen = sessions.some((session) => session.sessionId === sessionId)
    // Who begins to watch in the middle of a session learns of it by its next event.
    const session: LiveSession = { sessionId, externalUserId, status: 'live', startedAt: event.timestamp }
    return {
      sessions: seen ? sessions : withSession(sessions, session),
      events: [...events, { ...received, index }].slice(-KEPT),
    }
  },
  'session-ended': ({ sessions, events }, { sessionId, externalUserId, submitted, timestamp }) => {
    const known = sessions.find((session) => session.sessionId === sessionId)
    const session: LiveSession = {
      sessionId,
      externalUserId,
      startedAt: known?.startedAt ?? timestamp,
      status: submitted ? 'submitted' : 'ended',
      endedAt: timestamp,
    }
    return { sessions: withSession(sessions, session), events }
  },
}

/** In its old place when it is known, else as the last. */
function withSession(sessions: readonly LiveSession[], session: LiveSession): readonly LiveSession[] {
  const known = sessions.some(({ sessionId }) => sessionId === session.sessionId)
  if (known) return sessions.map((old) => (old.sessionId === session.sessionId ? session : old))
  return [...sessions, session].slice(-KEPT)
}

/** How many open sessions the server tells of at most. */
const TOLD = 100

/** Which sessions go on, the newest first, as the server tells. One that was seen to end doesn't go on again. */
function withOpen(seen: readonly LiveSession[], open: readonly SessionStarted[]): readonly LiveSession[] {
  const goesOn = new Set(open.map(({ sessionId }) => sessionId))
  // The end of one that isn't told of was missed, where all are told.
  const isOver = ({ sessionId, status }: LiveSession) => status === 'live' && open.length < TOLD && !goesOn.has(sessionId)
  const known = seen.map((session) => (isOver(session) ? { ...session, status: 'ended' as const } : session))
  const over = new Set(known.flatMap(({ sessionId, status }) => (status === 'live' ? [] : [sessionId])))
  const live = open.filter(({ sessionId }) => !over.has(sessionId)).reverse()
  return live.reduce<readonly LiveSession[]>((sessions, { sessionId, externalUserId, timestamp }) => withSession(sessions, { sessionId, externalUserId, status: 'live', startedAt: timestamp }), known)
}
