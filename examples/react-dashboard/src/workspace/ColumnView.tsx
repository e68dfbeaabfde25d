import type { KeyboardEvent } from 'react'
import { AddCard } from './AddCard'
import { CardView } from './CardView'
import type { Card, ColumnId, Place } from './cards'
import type { Board, CardNote } from './useBoard'

interface ColumnViewProps {
  column: { id: ColumnId; title: string }
  cards: readonly Card[]
  notes: Readonly<Record<string, CardNote>>
  holders: Readonly<Record<string, string>>
  /** The card that we have in hand. */
  held: string | undefined
  /** Where in this column it would come to stand. */
  target: Place | undefined
  board: Board
  onKey(card: Card, event: KeyboardEvent): void
  onHold(card: string | null): void
}

export function ColumnView({ column, cards, notes, holders, held, target, board, onKey, onHold }: ColumnViewProps) {
  return (
    <section className="column" data-column={column.id} data-target={target !== undefined} aria-labelledby={`column-${column.id}`}>
      <h2 id={`column-${column.id}`}>
        {column.title} <span className="count">{cards.length}</span>
      </h2>
      <ul>
        {cards.map((card) => (
          <CardView
            key={card.id}
            card={card}
            note={notes[card.id]}
            holder={holders[card.id]}
            isHeld={card.id === held}
            isTarget={target?.above === card.id}
            onKey={(event) => onKey(card, event)}
            onHold={onHold}
            onRename={(title) => board.rename(card, title)}
            onRemove={() => board.remove(card)}
          />
        ))}
        {target && target.above === undefined && <li className="drop-line" aria-hidden="true" />}
      </ul>
      <AddCard column={column} onAdd={(title) => board.add(column.id, title)} />
    </section>
  )
}
