import { useLayoutEffect, useRef, type RefObject } from 'react'

/** Pixels from the end that still count as being there. */
const NEAR = 80

/** Keeps a scrolled list at its end while it grows, unless somebody has scrolled back in it. */
export function useStickToEnd(content: unknown): RefObject<HTMLDivElement | null> {
  const list = useRef<HTMLDivElement>(null)
  const height = useRef(0)
  useLayoutEffect(() => {
    const element = list.current
    if (!element) return
    const wasAtEnd = element.scrollTop + element.clientHeight > height.current - NEAR
    if (wasAtEnd) element.scrollTop = element.scrollHeight
    height.current = element.scrollHeight
  }, [content])
  return list
}
