import type { Conversation } from 'samewire/protocol'
import { useAssistant, useTyping } from 'samewire/react'
import { useState } from 'react'
import { firstNameOf } from '../people/people'
import { Composer } from './Composer'
import { Message } from './Message'
import { Participants } from './Participants'
import { TypingDots } from '../TypingDots'
import { useStickToEnd } from '../useStickToEnd'

interface ChatViewProps {
  conversation: Conversation
  /** Something was said, the first of all. */
  onFirst(content: string): void
  onRemove(): void
}

/** Things to say, for who doesn't know what. */
const SUGGESTIONS = [
  'How do I make a good filter coffee?',
  'My recipe:\n\n1. Weigh **15 g** of coffee\n2. Pour `250 ml`, slowly\n3. Wait\n\n| method | minutes |\n|---|---|\n| filter | 3 |\n| press | 4 |\n\n> Taste, then change *one* thing.',
]

/** One conversation: what was said, the answer that comes in, and what one says next. */
export function ChatView({ conversation: { id, title, ownerId }, onFirst, onRemove }: ChatViewProps) {
  const { messages, streaming, typing, status, error, send, cancel } = useAssistant(id)
  const others = useTyping({ conversationId: id })
  const [draft, setDraft] = useState('')
  const log = useStickToEnd(streaming?.content ?? messages)

  const say = (content: string) => {
    others.stop()
    setDraft('')
    if (messages.length === 0) onFirst(content)
    // What isn't taken is there to be said again; why, the page tells already.
    send(content).catch(() => setDraft((draft) => draft || content))
  }

  return (
    <section className="panel chat" aria-label={title}>
      <header>
        <h2>{title}</h2>
        <Participants conversationId={id} ownerId={ownerId} />
        <a className="icon-button" href={location.search + location.hash} target="_blank" rel="noreferrer" aria-label="Go on in a second tab" title="Go on in a second tab">
          <svg viewBox="0 0 24 24" aria-hidden="true">
            <path d="M14 4h6v6M20 4l-9 9M18 14v5H5V6h5" />
          </svg>
        </a>
        <button type="button" className="icon-button" aria-label="Delete the conversation" onClick={onRemove}>
          <svg viewBox="0 0 24 24" aria-hidden="true">
            <path d="M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13" />
          </svg>
        </button>
      </header>
      <div className="chat-log" ref={log} role="log" aria-label="What was said" aria-busy={typing} tabIndex={0}>
        {messages.map((message) => (
          <Message key={message.id} role={message.role} content={message.content} incomplete={message.incomplete} />
        ))}
        {streaming && <Message key={streaming.messageId} role="assistant" content={streaming.content} streaming />}
        {typing && !streaming && (
          <p>
            <TypingDots label="The assistant thinks" />
          </p>
        )}
        {status === 'joined' && messages.length === 0 && !typing && (
          <ul className="suggestions" aria-label="Suggestions">
            {SUGGESTIONS.map((suggestion) => (
              <li key={suggestion}>
                <button type="button" className="button" onClick={() => say(suggestion)}>
                  {suggestion.includes('\n') ? 'Say something with a list and a table' : suggestion}
                </button>
              </li>
            ))}
          </ul>
        )}
      </div>
      {error && (
        <p className="alert" role="alert">
          {error.message}
        </p>
      )}
      <p className="others-typing" role="status">
        {others.typing.length > 0 && `${others.typing.map(({ userId }) => firstNameOf(userId)).join(' and ')} typing…`}
      </p>
      <Composer draft={draft} answering={typing} onDraft={setDraft} onKey={others.start} onSend={say} onStop={() => void cancel().catch(() => {})} />
    </section>
  )
}
