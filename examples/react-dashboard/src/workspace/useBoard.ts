import type { SamewireError } from 'samewire'
import { useRealtimeUpdates } from 'samewire/react'
import { useCallback, useMemo, useState } from 'react'
import { firstNameOf } from '../people/people'
import { cardsIn, moveTo, type Card, type CardFields, type ColumnId, type Place } from './cards'

/** The room that everybody's board is in. */
export const BOARD = 'room:board'

/** What is known of a card besides what it holds. */
export interface CardNote {
  /** Who changed it last, as far as was seen. */
  changedBy?: string
  /** A change of ours is under way. */
  pending?: boolean
  /** Why a change of ours was taken back. */
  conflict?: string | undefined
}

export interface Board {
  cards: readonly Card[]
  notes: Readonly<Record<string, CardNote>>
  isReady: boolean
  error: SamewireError | undefined
  move(card: Card, place: Place): void
  add(column: ColumnId, title: string): void
  rename(card: Card, title: string): void
  remove(card: Card): void
}

/** The board's cards, and what one can do with them. What was done is shown at once, and taken back where it is refused. */
export function useBoard(): Board {
  const [notes, setNotes] = useState<Readonly<Record<string, CardNote>>>({})
  const note = useCallback((id: string, change: CardNote) => {
    setNotes((notes) => ({ ...notes, [id]: { ...notes[id], ...change } }))
  }, [])
  const { state, sendUpdate } = useRealtimeUpdates<CardFields>({
    entity: 'card',
    roomId: BOARD,
    onCreate: ({ id }, { userId }) => note(id, { changedBy: userId }),
    onUpdate: ({ id }, { userId }) => note(id, { changedBy: userId }),
  })
  const cards: readonly Card[] = state.items

  const watch = useCallback(
    async (id: string, change: Promise<unknown>) => {
      note(id, { pending: true, conflict: undefined })
      try {
        await change
      } catch (error) {
        setNotes((notes) => ({ ...notes, [id]: { ...notes[id], conflict: reasonOf(error as SamewireError, notes[id]?.changedBy) } }))
      } finally {
        note(id, { pending: false })
      }
    },
    [note],
  )

  const actions = useMemo(
    () => ({
      move(card: Card, place: Place) {
        const change = moveTo(place, card, cards)
        if (change) void watch(card.id, sendUpdate('update', { id: card.id, ...change }))
      },
      add(column: ColumnId, title: string) {
        const id = crypto.randomUUID()
        const order = (cardsIn(column, cards).at(-1)?.order ?? 0) + 1
        void watch(id, sendUpdate('create', { id, title, column, order }))
      },
      rename(card: Card, title: string) {
        if (title !== card.title) void watch(card.id, sendUpdate('update', { id: card.id, title }))
      },
      remove(card: Card) {
        void watch(card.id, sendUpdate('delete', { id: card.id }))
      },
    }),
    [cards, sendUpdate, watch],
  )
  return { cards, notes, isReady: state.status === 'joined', error: state.status === 'refused' ? state.error : undefined, ...actions }
}

function reasonOf(error: SamewireError, changedBy: string | undefined): string {
  if (error.code !== 'CONFLICT') return error.message
  return `${changedBy ? firstNameOf(changedBy) : 'Somebody'} was faster, so this is how it stands now.`
}
