import { useLayoutEffect, useRef, useState, type FormEvent } from 'react'
import { flushSync } from 'react-dom'
import type { IngestProject } from '../ingest'
import { track, type Tracker } from '../tracker'
import './TrackedPage.css'

interface TrackedPageProps {
  project: IngestProject | undefined
  onSession(sessionId: string): void
}

/** Who sits at this page. Another tab is another visitor. */
const VISITOR = `visitor-${(crypto.getRandomValues(new Uint32Array(1))[0]! >>> 8).toString(16).padStart(6, '0')}`

/** Somebody's website with a form, as a visitor sees it. All that makes it tracked is `track`. */
export function TrackedPage({ project, onSession }: TrackedPageProps) {
  const form = useRef<HTMLFormElement>(null)
  const tracker = useRef<Tracker>(undefined)
  const [sent, setSent] = useState(false)

  // Before anything can be typed.
  useLayoutEffect(() => {
    if (!project) return
    const tracked = track(form.current!, { project, visitor: VISITOR, onSession })
    tracker.current = tracked
    return () => tracked.stop()
  }, [project, onSession])

  const submit = (event: FormEvent) => {
    event.preventDefault()
    setSent(true)
    void tracker.current?.submit()
  }
  const startAgain = () => {
    form.current!.reset()
    // At once, since what is inert can't be focused.
    flushSync(() => setSent(false))
    form.current!.querySelector('input')?.focus()
  }

  return (
    <section className="side" aria-labelledby="visitor-side">
      <h2 id="visitor-side">What a visitor types</h2>
      <div className="tracked-page">
        <div className="browser-bar" aria-hidden="true">
          <i />
          <i />
          <i />
          <span>coffee-club.example/join</span>
        </div>
        <div className="tracked-content">
          <form ref={form} onSubmit={submit} inert={sent} aria-label="Join the coffee club">
            <h3>Join the coffee club</h3>
            <p>Two bags of something good, every month.</p>
            {/* Nothing is to be typed that isn't tracked yet. */}
            <fieldset disabled={!project}>
              <Field name="name" label="Your name" placeholder="Type here…" />
              <Field name="email" label="Email" type="email" />
              <Field name="password" label="Password" type="password" />
              <div className="field">
                <label htmlFor="coffee">Favourite coffee</label>
                <textarea id="coffee" name="coffee" rows={3} />
              </div>
              <label className="choice">
                <input type="checkbox" name="decaf" />
                Decaf, please
              </label>
              <button type="submit" name="join">
                Join the club
              </button>
            </fieldset>
          </form>
          {sent && (
            <div className="thanks" role="status">
              <svg viewBox="0 0 24 24" aria-hidden="true">
                <path d="m5 13 4.5 4.5L19 7.5" />
              </svg>
              <p>Welcome to the club!</p>
              <button type="button" onClick={startAgain} autoFocus>
                Fill it in again
              </button>
            </div>
          )}
        </div>
      </div>
    </section>
  )
}

function Field({ name, label, type = 'text', placeholder }: { name: string; label: string; type?: string; placeholder?: string }) {
  return (
    <div className="field">
      <label htmlFor={name}>{label}</label>
      {/* Made-up people type here: a browser is not to remember them, nor to offer real ones. */}
      <input
        id={name}
        name={name}
        type={type}
        placeholder={placeholder}
        autoComplete={type === 'password' ? 'new-password' : 'off'}
        spellCheck={false}
      />
    </div>
  )
}
