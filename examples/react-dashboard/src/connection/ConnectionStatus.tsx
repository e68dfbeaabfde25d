import { useConnectionState } from 'samewire/react'
import { useSecondsUntil } from './useSecondsUntil'
import './ConnectionStatus.css'

type State = ReturnType<typeof useConnectionState>

interface ConnectionStatusProps {
  /** Whether the panel is open that tells more. */
  open: boolean
  onToggle(): void
}

/** What is going on between this page and the server, always in sight. */
export function ConnectionStatus({ open, onToggle }: ConnectionStatusProps) {
  const state = useConnectionState()
  const seconds = useSecondsUntil(state.status === 'reconnecting' ? state.retryAt : undefined)
  const { tone, text } = describe(state)

  return (
    <>
      {/* Said once when it changes; what the button shows besides is for the eye alone. */}
      <span className="spoken" role="status">
        {text}
      </span>
      <button
        type="button"
        className="connection"
        data-tone={tone}
        aria-label={`Connection: ${text}`}
        aria-expanded={open}
        aria-controls="connection-panel"
        onClick={onToggle}
      >
        <span className="connection-dot" aria-hidden="true" />
        <span className="connection-text">{text}</span>
        <span className="connection-detail">{detailOf(state, seconds)}</span>
        <svg className="connection-more" viewBox="0 0 24 24" aria-hidden="true">
          <path d="m6 9 6 6 6-6" />
        </svg>
      </button>
    </>
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
  return seconds > 0 ? `in ${seconds} s` : 'now'
}
