import type { InboxConversation, InboxMessage } from 'samewire/protocol'
import { TypingDots } from '../TypingDots'
import { useStickToEnd } from '../useStickToEnd'
import { PlatformBadge } from './PlatformBadge'
import { lookOf } from './platforms'
import '../bubble.css'

interface ThreadProps {
  conversation: InboxConversation | undefined
  messages: readonly InboxMessage[]
  /** Somebody types a further one. */
  isTyped: boolean
}

/** A conversation's messages, oldest first. */
export function Thread({ conversation, messages, isTyped }: ThreadProps) {
  const list = useStickToEnd(isTyped ? conversation : messages)
  if (!conversation) {
    return (
      <section className="panel thread" aria-label="Messages">
        <p className="nothing">Pick a conversation to read it.</p>
      </section>
    )
  }
  return (
    <section className="panel thread" aria-label={`Messages of ${conversation.title}`}>
      <header>
        <a className="icon-button thread-back" href="#/inbox" aria-label="Back to all conversations">
          <svg viewBox="0 0 24 24" aria-hidden="true">
            <path d="m14 6-6 6 6 6" />
          </svg>
        </a>
        <PlatformBadge platform={conversation.platform} />
        <h2>{conversation.title}</h2>
        <span>{lookOf(conversation.platform).name}</span>
      </header>
      <div className="thread-messages" ref={list} tabIndex={0} role="log" aria-label="Messages">
        {messages.map((message) => (
          <Message key={message.id} message={message} />
        ))}
        {isTyped && (
          <p className="bubble">
            <TypingDots label={`${conversation.title} is typing`} />
          </p>
        )}
      </div>
    </section>
  )
}

const TIME = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'short' })

function Message({ message: { sender, text, sentAt, status } }: { message: InboxMessage }) {
  return (
    <article className="inbox-message bubble" aria-label={`From ${sender.name ?? sender.id}`}>
      <p>{text}</p>
      <footer>
        <time dateTime={sentAt}>{TIME.format(new Date(sentAt))}</time>
        <Receipt status={status ?? 'sent'} />
      </footer>
    </article>
  )
}

const RECEIPTS = { sent: 'Sent', delivered: 'Delivered', read: 'Read' } as const

/** How far a message got: one tick, two, two in colour. */
function Receipt({ status }: { status: keyof typeof RECEIPTS }) {
  return (
    <span className="receipt" data-status={status} role="img" aria-label={RECEIPTS[status]} title={RECEIPTS[status]}>
      <svg viewBox="0 0 28 24" aria-hidden="true">
        <path d={status === 'sent' ? 'm6 13 4.500 4.500L19 7.500' : 'm3 13 4.500 4.500L16 7.500M13.500 17.500 23 7.500'} />
      </svg>
    </span>
  )
}
