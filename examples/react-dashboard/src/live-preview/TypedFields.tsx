import type { LiveSession } from 'samewire/react'
import { useMemo } from 'react'
import { pressedKeys } from './pressedKeys'
import { typedFields, type TypedField } from './typedFields'
import type { SessionEvent } from './useSessionEvents'

interface TypedFieldsProps {
  session: LiveSession | undefined
  events: readonly SessionEvent[]
  /** Whether it is shown as it stood before its end. */
  playing: boolean
  error: string | undefined
}

/** The visitor's form as it is filled in, key by key. */
export function TypedFields({ session, events, playing, error }: TypedFieldsProps) {
  const fields = useMemo(() => typedFields(events.map(({ event }) => event)), [events])
  const keys = useMemo(() => pressedKeys(events), [events])
  const live = playing || session?.status === 'live'

  return (
    <div className="typed" data-status={session?.status}>
      {/* Another visit has a heading of its own: nothing in it is moved by a longer name. */}
      <h3 key={session?.sessionId}>
        {session ? session.externalUserId : 'What is typed'}
        <span className="pill" data-tone={session && TONES[session.status]} role="status">
          {session ? STATE_TEXT[session.status] : ''}
        </span>
      </h3>
      {error && <p role="alert">{error}</p>}
      {!session && !error && <Invitation />}
      {session && (
        <dl>
          {fields.map((field) => (
            <Row key={field.name} field={field} live={live} />
          ))}
        </dl>
      )}
      <p className="keys" aria-hidden="true">
        {keys.map(({ key, index }) => (
          <kbd key={index}>{key}</kbd>
        ))}
      </p>
    </div>
  )
}

const TONES = { live: 'live', submitted: 'sent', ended: undefined } as const
const STATE_TEXT = { live: 'Filling in the form', submitted: 'Submitted', ended: 'Left the page' } as const

function Row({ field, live }: { field: TypedField; live: boolean }) {
  const { label, value, focused } = field
  return (
    <div className="row" data-focused={live && focused}>
      <dt>{label}</dt>
      <dd>
        {typeof value === 'boolean' ? (value ? '✓ yes' : 'no') : value}
        {live && focused && <span className="caret" />}
      </dd>
    </div>
  )
}

/** What there is to do when there is nothing to see. */
function Invitation() {
  return (
    <p className="invitation">
      <svg viewBox="0 0 24 24" aria-hidden="true">
        <path d="M20 12H5m6-6-6 6 6 6" />
      </svg>
      Type in the form. Every key appears here.
    </p>
  )
}
