import { useLayoutEffect, useRef, type RefObject } from 'react'

/** How long a card takes to its new place, in milliseconds. */
const DURATION = 220

/** Has cards glide to where they stand now, whoever moved them. */
export function useGlide(board: RefObject<HTMLElement | null>, cards: unknown): void {
  const places = useRef(new Map<string, { x: number; y: number }>())
  const width = useRef<number>(undefined)
  useLayoutEffect(() => {
    const wasAsWide = width.current === board.current?.offsetWidth
    width.current = board.current?.offsetWidth
    // Where cards stood in a wider window may be beside this one.
    const still = !wasAsWide || matchMedia('(prefers-reduced-motion: reduce)').matches
    const next: typeof places.current = new Map()
    for (const element of board.current?.querySelectorAll<HTMLElement>('[data-card]') ?? []) {
      const [id, x, y] = [element.dataset.card!, element.offsetLeft, element.offsetTop]
      const before = places.current.get(id)
      next.set(id, { x, y })
      if (still || !before || (before.x === x && before.y === y)) continue
      element.animate({ translate: [`${before.x - x}px ${before.y - y}px`, '0 0'] }, { duration: DURATION, easing: 'ease-out' })
    }
    places.current = next
  }, [board, cards])
}
