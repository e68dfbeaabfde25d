import type { FormEvent, KeyboardEvent } from 'react'

interface ComposerProps {
  draft: string
  /** Whether an answer is under way, which may be stopped. */
  answering: boolean
  onDraft(draft: string): void
  onKey(): void
  onSend(content: string): void
  onStop(): void
}

/** Where one says something, or stops what is being said. */
export function Composer({ draft, answering, onDraft, onKey, onSend, onStop }: ComposerProps) {
  const submit = (event: FormEvent | KeyboardEvent) => {
    event.preventDefault()
    if (draft.trim() && !answering) onSend(draft.trim())
  }
  return (
    <form className="composer" onSubmit={submit}>
      <textarea
        aria-label="Message"
        placeholder="Ask anything…"
        rows={1}
        value={draft}
        onChange={({ target }) => {
          onDraft(target.value)
          onKey()
        }}
        onKeyDown={(event) => event.key === 'Enter' && !event.shiftKey && !event.nativeEvent.isComposing && submit(event)}
      />
      {answering ? (
        <button type="button" className="button" onClick={onStop}>
          <svg viewBox="0 0 24 24" aria-hidden="true">
            <path d="M7 7h10v10H7Z" fill="currentColor" />
          </svg>
          Stop
        </button>
      ) : (
        <button type="submit" className="button primary" disabled={!draft.trim()}>
          <svg viewBox="0 0 24 24" aria-hidden="true">
            <path d="M12 19V5M6 11l6-6 6 6" />
          </svg>
          Send
        </button>
      )}
    </form>
  )
}
