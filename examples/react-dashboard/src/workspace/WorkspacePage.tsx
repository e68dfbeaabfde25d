import { usePresence } from 'samewire/react'
import { useCallback } from 'react'
import { BoardView } from './BoardView'
import { PeopleHere } from './PeopleHere'
import { BOARD, useBoard } from './useBoard'
import './WorkspacePage.css'

/** What somebody says of themselves to the others at the board. */
interface AtBoard {
  /** The card that they have in hand. */
  holds?: string | null
}

/** A board that several people move cards on, at the same time. */
export function WorkspacePage() {
  const board = useBoard()
  const { users, others, self, setState } = usePresence({ roomId: BOARD })
  const holders = Object.fromEntries(others.flatMap(({ userId, state }) => holding(state).map((card) => [card, userId])))
  const hold = useCallback(
    (card: string | null) => {
      // Nobody minds when it isn't told.
      setState({ holds: card } satisfies AtBoard).catch(() => {})
    },
    [setState],
  )

  return (
    <main className="workspace" aria-busy={!board.isReady}>
      <header>
        <h1>Team board</h1>
        <PeopleHere users={users} self={self?.userId} />
      </header>
      {board.error && (
        <p className="alert" role="alert">
          {board.error.message}
        </p>
      )}
      {/* All at once: columns that fill up would push each other about. */}
      {board.isReady && <BoardView board={board} holders={holders} onHold={hold} />}
    </main>
  )
}

function holding(state: unknown): string[] {
  const { holds } = (state ?? {}) as AtBoard
  return typeof holds === 'string' ? [holds] : []
}
