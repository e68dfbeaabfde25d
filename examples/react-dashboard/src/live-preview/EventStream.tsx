import { memo } from 'react'
import type { SessionEvent } from './useSessionEvents'

/** Rows that are drawn; more would only be scrolled past. */
const ROWS = 100

/** Everything that arrives, as it arrives, newest first. */
export function EventStream({ events }: { events: readonly SessionEvent[] }) {
  return (
    <div className="stream">
      <h3>Events</h3>
      <ol tabIndex={0} aria-label="Events, newest first">
        {events
          .slice(-ROWS)
          .reverse()
          .map((event) => (
            <Row key={event.index} event={event} />
          ))}
      </ol>
    </div>
  )
}

const Row = memo(function Row({ event: { event } }: { event: SessionEvent }) {
  const { eventType, timestamp, field } = event
  return (
    <li data-type={eventType}>
      <time dateTime={timestamp}>{timestamp.slice(11, 23)}</time>
      <code>{eventType}</code>
      <span className="stream-field">{String(field ?? '')}</span>
      <span className="stream-detail">
        <bdi>{detailOf(event)}</bdi>
      </span>
    </li>
  )
})

/** What distinguishes this event from others of its type. */
function detailOf({ keyChar, key, value }: SessionEvent['event']): string {
  if (keyChar) return keyChar === ' ' ? '␣' : keyChar
  if (key !== undefined) return String(key)
  return value === undefined ? '' : String(value)
}
