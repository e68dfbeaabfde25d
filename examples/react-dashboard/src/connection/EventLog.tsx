import type { LogEntry } from './ConnectionLog'

const CLOCK = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' })

/** What happened to the connection, newest first. */
export function EventLog({ entries }: { entries: readonly LogEntry[] }) {
  return (
    <section className="event-log" aria-labelledby="event-log">
      <h3 id="event-log">What happened</h3>
      <ol tabIndex={0} aria-label="What happened, newest first">
        {entries.map(({ id, time, tone, text }) => (
          <li key={id} data-tone={tone}>
            <time>{CLOCK.format(time)}</time>
            <span>{text}</span>
          </li>
        ))}
      </ol>
    </section>
  )
}
