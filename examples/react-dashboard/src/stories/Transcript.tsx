import type { Story } from 'samewire/protocol'
import { useClient, type ProjectStory } from 'samewire/react'
import { useState } from 'react'
import { Avatar } from '../people/Avatar'
import { firstNameOf } from '../people/people'
import { call, CallRefused } from './call'
import './Transcript.css'

interface TranscriptProps {
  story: ProjectStory
  writers: readonly string[]
  onWrite(writes: boolean): void
}

/** What one is writing, and which version it is a change of. */
interface Draft {
  text: string
  version: number
}

/** A transcript that several people may write on: whoever saves second sees what the first has written. */
export function Transcript({ story: { id, transcript, version }, writers, onWrite }: TranscriptProps) {
  const client = useClient()
  const [draft, setDraft] = useState<Draft>()
  const [saving, setSaving] = useState(false)
  const [failure, setFailure] = useState<string>()
  const current = transcript ?? ''
  const isStale = draft !== undefined && version > draft.version && !saving

  const end = () => {
    setDraft(undefined)
    onWrite(false)
  }
  const write = (text: string) => {
    if (!draft) onWrite(true)
    setDraft({ text, version: draft?.version ?? version })
  }
  const save = async (text: string, of: number) => {
    setSaving(true)
    setFailure(undefined)
    try {
      await call<Story>(client, 'PUT', `stories/${encodeURIComponent(id)}/transcript`, { transcript: text, version: of })
      end()
    } catch (error) {
      // A conflict shows by itself: the newer version comes to everybody.
      if (!(error instanceof CallRefused && error.code === 'CONFLICT')) setFailure((error as Error).message)
    } finally {
      setSaving(false)
    }
  }

  return (
    <section className="transcript" aria-labelledby="transcript">
      <header>
        <h3 id="transcript">Transcript</h3>
        <span className="transcript-writers" role="status">
          {writers.map((userId) => (
            <span key={userId}>
              <Avatar userId={userId} /> {firstNameOf(userId)} is writing
            </span>
          ))}
        </span>
        {version > 0 && <span className="transcript-version">version {version}</span>}
      </header>
      <textarea aria-labelledby="transcript" placeholder="Write down what is said…" rows={6} value={draft?.text ?? current} onChange={({ target }) => write(target.value)} />
      {isStale && (
        <div className="transcript-conflict" role="alert">
          <p>Somebody saved meanwhile:</p>
          <blockquote>{current}</blockquote>
          <button type="button" className="button" onClick={end}>
            Take theirs
          </button>
          <button type="button" className="button" onClick={() => void save(draft.text, version)}>
            Keep mine
          </button>
        </div>
      )}
      {failure && <p role="alert">{failure}</p>}
      <footer>
        <button type="button" className="button" disabled={!draft} onClick={end}>
          Cancel
        </button>
        <button type="button" className="button primary" disabled={!draft || isStale || saving} onClick={() => draft && void save(draft.text, draft.version)}>
          Save
        </button>
      </footer>
    </section>
  )
}
