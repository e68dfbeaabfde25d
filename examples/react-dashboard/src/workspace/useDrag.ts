import { useEffect, useRef, useState, type PointerEvent, type RefObject } from 'react'

interface DragOptions {
  /** What scrolls when something is dragged to its edge. */
  scroller: string
  /** Called as it begins to be dragged, once the pointer has gone a little way. */
  onStart(id: string): void
  /** Called with where the pointer is. */
  onMove(x: number, y: number): void
  /** Called at the end; not `dropped` where it was given up. */
  onEnd(dropped: boolean): void
}

export interface Drag {
  /** Of what is dragged, and has the `data-card` of that name. */
  id: string
  width: number
  height: number
}

/** Pixels that a pointer goes before a press becomes a drag. */
const DISTANCE = 5
/** Pixels from an edge where it begins to scroll, and how fast. */
const EDGE = 56
const SPEED = 10

/**
 * Drags an element that has `data-card`: by the mouse from anywhere on it, by a finger from what has
 * `data-grip`, since elsewhere a finger scrolls. What is shown under the pointer is the overlay's.
 */
export function useDrag(overlay: RefObject<HTMLElement | null>, options: DragOptions) {
  const [drag, setDrag] = useState<Drag>()
  const latest = useRef(options)
  useEffect(() => {
    latest.current = options
  })
  const cancel = useRef(() => {})
  useEffect(() => () => cancel.current(), [])

  const onPointerDown = (event: PointerEvent<HTMLElement>) => {
    const target = event.target as HTMLElement
    const element = target.closest<HTMLElement>('[data-card]')
    const control = target.closest('button, input')
    const isGrip = control?.matches('[data-grip]') ?? false
    if (!element || event.button !== 0 || !event.isPrimary || (control && !isGrip)) return
    if (event.pointerType !== 'mouse' && !isGrip) return
    cancel.current()
    cancel.current = follow(event, element)
  }

  const follow = (start: PointerEvent, element: HTMLElement) => {
    const listening = new AbortController()
    const box = element.getBoundingClientRect()
    const id = element.dataset.card!
    let [x, y, dragging, frame] = [start.clientX, start.clientY, false, 0]

    const place = () => {
      if (overlay.current) overlay.current.style.translate = `${x - start.clientX + box.x}px ${y - start.clientY + box.y}px`
    }
    const scroll = () => {
      const scroller = document.querySelector(latest.current.scroller)
      if (scroller) {
        const { top, bottom } = scroller.getBoundingClientRect()
        const by = y < top + EDGE ? -SPEED : y > bottom - EDGE ? SPEED : 0
        if (by !== 0) scroller.scrollBy(0, by)
        if (by !== 0) latest.current.onMove(x, y)
      }
      place()
      frame = requestAnimationFrame(scroll)
    }
    const move = (event: globalThis.PointerEvent) => {
      ;[x, y] = [event.clientX, event.clientY]
      if (!dragging && Math.hypot(x - start.clientX, y - start.clientY) < DISTANCE) return
      if (!dragging) {
        dragging = true
        setDrag({ id, width: box.width, height: box.height })
        latest.current.onStart(id)
        frame = requestAnimationFrame(scroll)
      }
      latest.current.onMove(x, y)
    }
    const end = (dropped: boolean) => {
      listening.abort()
      cancelAnimationFrame(frame)
      if (!dragging) return
      setDrag(undefined)
      latest.current.onEnd(dropped)
    }
    const { signal } = listening
    addEventListener('pointermove', move, { signal })
    addEventListener('pointerup', () => end(true), { signal })
    addEventListener('pointercancel', () => end(false), { signal })
    addEventListener('keydown', ({ key }) => key === 'Escape' && end(false), { signal })
    return () => end(false)
  }

  return { drag, onPointerDown }
}
