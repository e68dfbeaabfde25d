import type { Interaction, InteractionType } from 'samewire/protocol'
import { useClient } from 'samewire/react'
import { useState, type FormEvent } from 'react'
import { Avatar } from '../people/Avatar'
import { firstNameOf } from '../people/people'
import { call } from './call'
import './Interactions.css'

const TYPES: readonly { type: InteractionType; name: string; tone?: string }[] = [
  { type: 'comment', name: 'Comment' },
  { type: 'question', name: 'Question', tone: 'wait' },
  { type: 'answer', name: 'Answer', tone: 'live' },
]

/** What is said about a story, the newest first: whatever comes, the place to say something stays where it is. */
export function Interactions({ storyId, interactions }: { storyId: string; interactions: readonly Interaction[] }) {
  const client = useClient()
  const [type, setType] = useState<InteractionType>('comment')
  const [failure, setFailure] = useState<string>()
  const attempt = (change: Promise<unknown>) =>
    change.then(
      () => setFailure(undefined),
      (error: Error) => setFailure(error.message),
    )

  const add = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    const form = event.currentTarget
    const content = String(new FormData(form).get('content')).trim()
    if (!content) return
    const said = call(client, 'POST', `stories/${encodeURIComponent(storyId)}/interactions`, { type, content })
    void attempt(said.then(() => form.reset()))
  }
  const settle = (id: string, resolved: boolean) => {
    const change = call(client, 'PATCH', `interactions/${encodeURIComponent(id)}`, { resolved })
    void attempt(change)
    return change
  }

  return (
    <section className="interactions" aria-labelledby="interactions">
      <h3 id="interactions">
        Said about it <span className="count">{interactions.length}</span>
      </h3>
      <form onSubmit={add} aria-label="Say something about it">
        <div role="group" aria-label="Type" className="types">
          {TYPES.map(({ type: one, name }) => (
            <button key={one} type="button" aria-pressed={one === type} onClick={() => setType(one)}>
              {name}
            </button>
          ))}
        </div>
        <input name="content" aria-label="What you say" placeholder={`${TYPES.find((one) => one.type === type)!.name}…`} autoComplete="off" />
        <button type="submit" className="button">
          Say
        </button>
      </form>
      {failure && <p role="alert">{failure}</p>}
      <ul>
        {[...interactions].reverse().map((interaction) => (
          <Row key={interaction.id} interaction={interaction} onSettle={settle} />
        ))}
      </ul>
    </section>
  )
}

interface RowProps {
  interaction: Interaction
  /** Settles it, or opens it again. Rejects where that is refused. */
  onSettle(id: string, resolved: boolean): Promise<unknown>
}

function Row({ interaction: { id, type, authorId, content, resolved }, onSettle }: RowProps) {
  // What was pressed stands until everybody is told of it.
  const [pressed, setPressed] = useState<{ at: boolean }>()
  const checked = pressed?.at === resolved ? !resolved : resolved
  if (pressed && pressed.at !== resolved) setPressed(undefined)
  const press = () => {
    setPressed({ at: resolved })
    onSettle(id, !resolved).catch(() => setPressed(undefined))
  }
  return (
    <li data-resolved={checked}>
      <Avatar userId={authorId} />
      <div>
        <span className="interaction-by">
          {firstNameOf(authorId)} <span className="pill" data-tone={TYPES.find((one) => one.type === type)?.tone}>{type}</span>
        </span>
        <p>{content}</p>
      </div>
      <label>
        <input type="checkbox" checked={checked} onChange={press} aria-label={`Settled: ${content}`} />
        <span aria-hidden="true">settled</span>
      </label>
    </li>
  )
}
