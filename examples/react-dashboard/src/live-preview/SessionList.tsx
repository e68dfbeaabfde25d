import type { LiveSession } from 'samewire/react'

interface SessionListProps {
  sessions: readonly LiveSession[]
  shown: string | undefined
  own: string | undefined
  onPick(sessionId: string): void
}

const STATUS_TEXT = { live: 'live', submitted: 'submitted', ended: 'left' } as const

export function SessionList({ sessions, shown, own, onPick }: SessionListProps) {
  const live = sessions.filter(({ status }) => status === 'live').length
  return (
    <div className="sessions">
      <h3>
        Visitors <span className="count">{live} live</span>
      </h3>
      <ul>
        {sessions.map(({ sessionId, externalUserId, status, startedAt }) => (
          <li key={sessionId}>
            <button
              type="button"
              className="session"
              data-status={status}
              data-session={sessionId}
              aria-pressed={sessionId === shown}
              onClick={() => onPick(sessionId)}
            >
              <span className="session-who">
                {externalUserId}
                {sessionId === own && <span className="pill">you</span>}
              </span>
              <span className="session-state">
                {STATUS_TEXT[status]} <time dateTime={startedAt}>{clock(startedAt)}</time>
              </span>
            </button>
          </li>
        ))}
      </ul>
      {sessions.length === 0 && <p className="nobody">Nobody yet</p>}
    </div>
  )
}

const CLOCK = new Intl.DateTimeFormat('en-GB', { timeStyle: 'short' })

function clock(time: string): string {
  return CLOCK.format(new Date(time))
}
