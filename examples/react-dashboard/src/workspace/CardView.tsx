import { useState, type FormEvent, type KeyboardEvent, type ReactNode } from 'react'
import { Avatar } from '../people/Avatar'
import { firstNameOf } from '../people/people'
import type { Card } from './cards'
import type { CardNote } from './useBoard'

interface CardViewProps {
  card: Card
  note: CardNote | undefined
  /** Who else has it in hand. */
  holder: string | undefined
  isHeld: boolean
  /** Whether the card in hand would come to stand above it. */
  isTarget: boolean
  onKey(event: KeyboardEvent): void
  onHold(card: string | null): void
  onRename(title: string): void
  onRemove(): void
}

/** A card at its place. */
export function CardView({ card, note, holder, isHeld, isTarget, onKey, onHold, onRename, onRemove }: CardViewProps) {
  const [editing, setEditing] = useState(false)
  const edit = (on: boolean) => {
    setEditing(on)
    onHold(on ? card.id : null)
  }
  const rename = (title: string) => {
    edit(false)
    if (title) onRename(title)
  }

  return (
    <li className="card-place" data-card={card.id} data-target={isTarget} data-held={isHeld}>
      {editing ? (
        <TitleForm title={card.title} onDone={rename} onCancel={() => edit(false)} />
      ) : (
        <CardFace
          card={card}
          note={note}
          holder={holder}
          grip={
            <button
              type="button"
              className="grip"
              data-grip={card.id}
              aria-label={`Move ${card.title}`}
              aria-describedby="how-to-move"
              onKeyDown={onKey}
            >
              <svg viewBox="0 0 24 24" aria-hidden="true">
                <path d="M9 6v0m6 0v0M9 12v0m6 0v0M9 18v0m6 0v0" />
              </svg>
            </button>
          }
          actions={
            <>
              <IconButton label={`Rename ${card.title}`} path="m4 20 1-4L16 5l3 3L8 19Z" onClick={() => edit(true)} />
              <IconButton label={`Delete ${card.title}`} path="M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13" onClick={onRemove} />
            </>
          }
        />
      )}
    </li>
  )
}

interface CardFaceProps {
  card: Card
  note?: CardNote | undefined
  holder?: string | undefined
  /** Under the pointer that moves it. */
  lifted?: boolean
  grip?: ReactNode
  actions?: ReactNode
}

/** What a card looks like. */
export function CardFace({ card, note, holder, lifted = false, grip, actions }: CardFaceProps) {
  const shownBy = holder ?? note?.changedBy
  return (
    <article
      className="card"
      data-color={card.color}
      data-lifted={lifted}
      data-pending={note?.pending ?? false}
      data-conflict={note?.conflict !== undefined}
      data-held-by={holder}
    >
      {grip}
      <h3>{card.title}</h3>
      <span className="card-people">
        {shownBy && <Avatar userId={shownBy} label={holder ? `${firstNameOf(holder)} has it in hand` : `last changed by ${firstNameOf(shownBy)}`} />}
      </span>
      {actions && <span className="card-actions">{actions}</span>}
      {note?.conflict && (
        <p className="card-conflict" role="alert">
          {note.conflict}
        </p>
      )}
    </article>
  )
}

function IconButton({ label, path, onClick }: { label: string; path: string; onClick(): void }) {
  return (
    <button type="button" className="icon-button" aria-label={label} onClick={onClick}>
      <svg viewBox="0 0 24 24" aria-hidden="true">
        <path d={path} />
      </svg>
    </button>
  )
}

function TitleForm({ title, onDone, onCancel }: { title: string; onDone(title: string): void; onCancel(): void }) {
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    onDone(String(new FormData(event.currentTarget).get('title')).trim())
  }
  return (
    <form className="card" onSubmit={submit} onKeyDown={(event) => event.key === 'Escape' && onCancel()}>
      <input name="title" aria-label="Title" defaultValue={title} maxLength={120} autoFocus autoComplete="off" onFocus={(event) => event.target.select()} />
      <button type="submit" className="button">
        Save
      </button>
    </form>
  )
}
