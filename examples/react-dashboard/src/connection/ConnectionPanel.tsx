import { useClient, useConnectionState } from 'samewire/react'
import { EventLog } from './EventLog'
import { RoomTable } from './RoomTable'
import { RoundTrip } from './RoundTrip'
import { cutConnection } from './socket'
import { expireToken } from './token'
import type { LoggedConnection } from './ConnectionLog'
import { useSecondsUntil } from './useSecondsUntil'
import './ConnectionPanel.css'

interface ConnectionPanelProps {
  log: LoggedConnection
  onClose(): void
}

/** The connection as it lives, and three ways to hurt it: one can watch it heal. */
export function ConnectionPanel({ log, onClose }: ConnectionPanelProps) {
  return (
    <aside id="connection-panel" className="connection-panel" aria-labelledby="connection-title">
      <header>
        <h2 id="connection-title">Connection</h2>
        <button type="button" className="icon-button" aria-label="Close" onClick={onClose}>
          <svg viewBox="0 0 24 24" aria-hidden="true">
            <path d="m6 6 12 12M18 6 6 18" />
          </svg>
        </button>
      </header>
      <div className="connection-sections">
        <Hurt />
        <RoundTrip />
        <dl className="figures">
          <Figure name="Came back" value={log.recoveries} />
          <Figure name="Caught up" value={log.caughtUp} unit="events" />
          <Figure name="Refused" value={log.refusals} />
        </dl>
        <RoomTable />
        <EventLog entries={log.entries} />
      </div>
    </aside>
  )
}

/** What breaks a connection, at a click. */
function Hurt() {
  const client = useClient()
  const state = useConnectionState()
  const connected = state.status === 'connected'
  const offline = state.status === 'closed'
  const expiresAt = client.session && Date.parse(client.session.expiresAt)
  const left = useSecondsUntil(expiresAt)

  return (
    <section className="hurt" aria-label="Break it">
      <button type="button" className="button" disabled={!connected} onClick={cutConnection}>
        <Icon path="M6 8a3 3 0 1 0 0-4 3 3 0 0 0 0 4Zm0 0 14 11M6 16a3 3 0 1 1 0 4 3 3 0 0 1 0-4Zm0 0L20 5" />
        Cut it
      </button>
      <button type="button" className="button" aria-pressed={offline} onClick={() => (offline ? client.connect() : client.disconnect())}>
        <Icon path="M12 3v9M6.3 7a8 8 0 1 0 11.4 0" />
        {offline ? 'Go online' : 'Go offline'}
      </button>
      <button type="button" className="button" disabled={!connected} onClick={() => void expireToken(client)}>
        <Icon path="M12 7v5l3 2M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18Z" />
        Expire token
      </button>
      <p>{connected && expiresAt ? `The token is good for ${duration(left)}.` : 'What you do meanwhile waits.'}</p>
    </section>
  )
}

function Icon({ path }: { path: string }) {
  return (
    <svg viewBox="0 0 24 24" aria-hidden="true">
      <path d={path} />
    </svg>
  )
}

function Figure({ name, value, unit }: { name: string; value: number; unit?: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        {value} {unit && <small>{unit}</small>}
      </dd>
    </div>
  )
}

function duration(seconds: number): string {
  return seconds < 120 ? `${seconds} s` : `${Math.round(seconds / 60)} min`
}
