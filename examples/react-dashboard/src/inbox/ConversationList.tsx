import type { InboxConversation } from 'samewire/protocol'
import { Avatar } from '../people/Avatar'
import { hrefOf } from '../route'
import { PlatformBadge } from './PlatformBadge'
import { Count } from './UnreadBadge'
import '../entries.css'

interface ConversationListProps {
  conversations: readonly InboxConversation[]
  shown: string | undefined
  /** Those in which somebody types. */
  typed: ReadonlySet<string>
}

export function ConversationList({ conversations, shown, typed }: ConversationListProps) {
  return (
    <nav className="panel entries inbox-conversations" aria-label="Conversations">
      <ul>
        {conversations.map(({ id, platform, title, unreadCount, lastMessage, lastMessageAt }) => (
          <li key={id}>
            <a href={hrefOf('inbox', id)} aria-current={id === shown ? 'true' : undefined} data-unread={unreadCount > 0}>
              <span className="entry-who">
                <Avatar userId={title} />
                <PlatformBadge platform={platform} spoken />
              </span>
              <span className="entry-title">{title}</span>
              <time dateTime={lastMessageAt ?? undefined}>{lastMessageAt && shortTime(lastMessageAt)}</time>
              <span className="entry-about">{typed.has(id) ? <em>is typing…</em> : lastMessage}</span>
              <Count of={unreadCount} />
            </a>
          </li>
        ))}
      </ul>
      {conversations.length === 0 && <p className="nothing">No messages yet</p>}
    </nav>
  )
}

const CLOCK = new Intl.DateTimeFormat('en-GB', { timeStyle: 'short' })
const DAY = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' })

function shortTime(time: string): string {
  const date = new Date(time)
  return date.toDateString() === new Date().toDateString() ? CLOCK.format(date) : DAY.format(date)
}
