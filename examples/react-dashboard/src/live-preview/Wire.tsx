import { useConnectionState, type LiveEvent } from 'samewire/react'

/** Pulses that may be under way at once. */
const PULSES = 5

/** Joins the two halves of the page. A pulse runs along it for each thing that arrives. */
export function Wire({ events }: { events: readonly LiveEvent[] }) {
  const connected = useConnectionState().status === 'connected'
  return (
    <div className="wire" data-connected={connected} aria-hidden="true">
      {connected && events.slice(-PULSES).map(({ index }) => <span key={index} className="wire-pulse" />)}
    </div>
  )
}
