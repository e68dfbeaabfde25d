import { useLayoutEffect, useRef, useState, type KeyboardEvent } from 'react'
import { CardFace } from './CardView'
import { cardsIn, columns, placeBeside, type Card, type ColumnId, type Place } from './cards'
import { ColumnView } from './ColumnView'
import type { Board } from './useBoard'
import { useDrag } from './useDrag'
import { useGlide } from './useGlide'

interface BoardViewProps {
  board: Board
  /** Who else has a card in hand: card → user. */
  holders: Readonly<Record<string, string>>
  /** One took a card in hand, or let go of it. */
  onHold(card: string | null): void
}

/** The columns; a card is moved by the mouse, by a finger on its grip, or by the arrow keys. */
export function BoardView({ board, holders, onHold }: BoardViewProps) {
  const { cards, notes, move } = board
  const [target, setTarget] = useState<Place>()
  const [said, setSaid] = useState('')
  const list = useRef<HTMLDivElement>(null)
  const overlay = useRef<HTMLDivElement>(null)
  const followed = useRef<string>(undefined)
  const { drag, onPointerDown } = useDrag(overlay, {
    scroller: '.app-page',
    onStart: onHold,
    onMove: (x, y) => setTarget((before) => sameOr(before, placeAt(x, y, cards))),
    onEnd(dropped) {
      if (dropped && held && target) move(held, target)
      setTarget(undefined)
      onHold(null)
    },
  })
  const held = cards.find(({ id }) => id === drag?.id)
  useGlide(list, cards)

  // A card that was moved into another column is drawn anew there: the focus follows it.
  useLayoutEffect(() => {
    if (followed.current === undefined) return
    list.current?.querySelector<HTMLElement>(`[data-grip="${followed.current}"]`)?.focus()
    followed.current = undefined
  }, [cards])

  const moveByKey = (card: Card, event: KeyboardEvent) => {
    if (!event.key.startsWith('Arrow')) return
    event.preventDefault()
    const place = placeBeside(card, event.key, cards)
    if (!place) return
    followed.current = card.id
    move(card, place)
    setSaid(`${card.title}: ${wordsFor(place, card, cards)}`)
  }

  return (
    <>
      <p className="spoken" role="status">
        {said}
      </p>
      <p id="how-to-move" className="spoken">
        Arrow keys move the card.
      </p>
      <div className="board" ref={list} onPointerDown={onPointerDown}>
        {columns.map((column) => (
          <ColumnView
            key={column.id}
            column={column}
            cards={cardsIn(column.id, cards)}
            notes={notes}
            holders={holders}
            held={drag?.id}
            target={target?.column === column.id ? target : undefined}
            board={board}
            onKey={moveByKey}
            onHold={onHold}
          />
        ))}
      </div>
      {held && (
        <div className="in-hand" ref={overlay} style={{ width: drag?.width, height: drag?.height }} aria-hidden="true">
          <CardFace card={held} lifted />
        </div>
      )}
    </>
  )
}

/** What is under the pointer: a column, or a card in it, above or below which there is a place. */
function placeAt(x: number, y: number, cards: readonly Card[]): Place | undefined {
  const element = document.elementFromPoint(x, y)
  const column = element?.closest<HTMLElement>('[data-column]')?.dataset.column as ColumnId | undefined
  if (!column) return undefined
  const over = element?.closest<HTMLElement>('[data-card]')
  if (!over) return { column, above: undefined }
  const { top, height } = over.getBoundingClientRect()
  if (y < top + height / 2) return { column, above: over.dataset.card }
  const inColumn = cardsIn(column, cards)
  return { column, above: inColumn[inColumn.findIndex(({ id }) => id === over.dataset.card) + 1]?.id }
}

function sameOr(before: Place | undefined, place: Place | undefined): Place | undefined {
  return before?.column === place?.column && before?.above === place?.above ? before : place
}

function wordsFor(place: Place, card: Card, cards: readonly Card[]): string {
  const others = cardsIn(place.column, cards).filter(({ id }) => id !== card.id)
  const index = place.above === undefined ? others.length : others.findIndex(({ id }) => id === place.above)
  const title = columns.find(({ id }) => id === place.column)?.title
  return `${title}, ${index + 1} of ${others.length + 1}`
}
