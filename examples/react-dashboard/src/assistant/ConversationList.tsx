import type { Conversation } from 'samewire/protocol'
import { hrefOf } from '../route'

interface ConversationListProps {
  conversations: readonly Conversation[]
  shown: string | undefined
  onBegin(): void
}

export function ConversationList({ conversations, shown, onBegin }: ConversationListProps) {
  return (
    <nav className="conversations" aria-label="Conversations">
      <button type="button" className="button" onClick={onBegin}>
        <svg viewBox="0 0 24 24" aria-hidden="true">
          <path d="M12 5v14M5 12h14" />
        </svg>
        New
      </button>
      <ul>
        {conversations.map(({ id, title }) => (
          <li key={id}>
            <a href={hrefOf('assistant', id)} aria-current={id === shown ? 'true' : undefined}>
              {title}
            </a>
          </li>
        ))}
      </ul>
    </nav>
  )
}
