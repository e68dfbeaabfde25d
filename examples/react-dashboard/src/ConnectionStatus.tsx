import { useConnectionState } from 'samewire/react'
import { useEffect, useState } from 'react'
import './ConnectionStatus.css'

type State = ReturnType<typeof useConnectionState>

/** What is going on between this page and the server, always in sight. */
export function ConnectionStatus() {
  const state = useConnectionState()
  const seconds = useSecondsUntil(state.status === 'reconnecting' ? state.retryAt : undefined)
  const { tone, text } = describe(state)
  const detail = detailOf(state, seconds)

  return (
    <div className="connection" data-tone={tone} data-status={state.status} title={reasonOf(state)}>
      <span className="connection-dot" aria-hidden="true" />
      {/* Said once when it changes; the countdown beside it is for the eye alone. */}
      <span role="status">{text}</span>
      <span className="connection-detail" aria-hidden="true">
        {detail}
      </span>
    </div>
  )
}

function describe(state: State): { tone: 'live' | 'wait' | 'stop'; text: string } {
  switch (state.status) {
    case 'connected':
      return { tone: 'live', text: 'Connected' }
    case 'idle':
    case 'connecting':
      return { tone: 'wait', text: 'Connecting' }
    case 'authenticating':
      return { tone: 'wait', text: 'Signing in' }
    case 'reconnecting':
      return { tone: 'wait', text: 'Reconnecting' }
    case 'closed':
      return { tone: 'stop', text: 'Disconnected' }
  }
}

function detailOf(state: State, seconds: number): string {
  if (state.status === 'connected') return state.transport
  if (state.status !== 'reconnecting') return ''
  return seconds > 0 ? `try ${state.attempt} in ${seconds} s` : `try ${state.attempt}`
}

function reasonOf(state: State): string | undefined {
  return 'reason' in state ? state.reason.message : undefined
}

/** Whole seconds that are left until then, counting down; 0 when it is past or there is nothing to wait for. */
function useSecondsUntil(time: number | undefined): number {
  const [now, setNow] = useState(() => Date.now())
  useEffect(() => {
    if (time === undefined) return
    const tick = () => setNow(Date.now())
    tick()
    const timer = setInterval(tick, 250)
    return () => clearInterval(timer)
  }, [time])
  return time === undefined ? 0 : Math.max(0, Math.ceil((time - now) / 1000))
}
