import type { EventReceived } from '../protocol.js'
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

/** What the events of a project's room add up to. */
export const livePreview: Fold<'project', LivePreview> = {
  name: 'live-preview',
  initial: { sessions: [], events: [] },
  on: {
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
  },
}

/** In its old place when it is known, else as the last. */
function withSession(sessions: readonly LiveSession[], session: LiveSession): readonly LiveSession[] {
  const known = sessions.some(({ sessionId }) => sessionId === session.sessionId)
  if (known) return sessions.map((old) => (old.sessionId === session.sessionId ? session : old))
  return [...sessions, session].slice(-KEPT)
}
