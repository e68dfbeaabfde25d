import './TypingDots.css'

/** Somebody is about to say something. */
export function TypingDots({ label }: { label: string }) {
  return (
    <span className="typing-dots" role="img" aria-label={label}>
      <i />
      <i />
      <i />
    </span>
  )
}
