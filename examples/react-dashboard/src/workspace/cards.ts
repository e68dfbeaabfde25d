/** What a card holds; the server keeps it as it is. */
export interface CardFields {
  title: string
  column: ColumnId
  /** Where it stands in its column: above those with a larger number. */
  order: number
  color?: string
}

export interface Card extends CardFields {
  id: string
}

export type ColumnId = 'todo' | 'doing' | 'done'

export const columns: readonly { id: ColumnId; title: string }[] = [
  { id: 'todo', title: 'To do' },
  { id: 'doing', title: 'Doing' },
  { id: 'done', title: 'Done' },
]

/** A place between two cards. */
export interface Place {
  column: ColumnId
  /** The card that is to stand below; none at a column's end. */
  above: string | undefined
}

/** A column's cards from top to bottom. Two of one order stand in the order of their ids, for everybody alike. */
export function cardsIn(column: ColumnId, cards: readonly Card[]): Card[] {
  return cards.filter((card) => card.column === column).sort((a, b) => a.order - b.order || a.id.localeCompare(b.id))
}

/** The fields that bring a card to a place; nothing where it stands there already. */
export function moveTo(place: Place, card: Card, cards: readonly Card[]): Pick<CardFields, 'column' | 'order'> | undefined {
  if (place.above === card.id) return undefined
  const column = cardsIn(place.column, cards)
  const others = column.filter(({ id }) => id !== card.id)
  const index = place.above === undefined ? others.length : others.findIndex(({ id }) => id === place.above)
  if (index < 0 || column[index]?.id === card.id) return undefined
  const [before, after] = [others[index - 1], others[index]]
  return { column: place.column, order: between(before?.order, after?.order) }
}

/** Where the arrow keys bring a card; nothing at the board's edge. */
export function placeBeside(card: Card, key: string, cards: readonly Card[]): Place | undefined {
  const column = cardsIn(card.column, cards)
  const index = column.findIndex(({ id }) => id === card.id)
  switch (key) {
    case 'ArrowUp':
      return index > 0 ? { column: card.column, above: column[index - 1]!.id } : undefined
    case 'ArrowDown':
      return index < column.length - 1 ? { column: card.column, above: column[index + 2]?.id } : undefined
    case 'ArrowLeft':
    case 'ArrowRight': {
      const at = columns.findIndex(({ id }) => id === card.column) + (key === 'ArrowLeft' ? -1 : 1)
      const next = columns[at]
      return next && { column: next.id, above: cardsIn(next.id, cards)[index]?.id }
    }
    default:
      return undefined
  }
}

function between(before: number | undefined, after: number | undefined): number {
  if (before === undefined) return after === undefined ? 1 : after - 1
  return after === undefined ? before + 1 : (before + after) / 2
}
