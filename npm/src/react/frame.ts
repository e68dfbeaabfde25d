/** How long a hidden page, which paints no frames, is kept waiting, in milliseconds. */
const HIDDEN_PAGE_DELAY = 100

/**
 * Makes a function that may be called as often as one likes and calls `callback` once before the
 * next frame is painted. `cancel` forgets a call that is due.
 */
export function oncePerFrame(callback: () => void): { (): void; cancel(): void } {
  let frame: number | undefined
  let timer: ReturnType<typeof setTimeout> | undefined

  const cancel = () => {
    if (frame !== undefined) cancelAnimationFrame(frame)
    clearTimeout(timer)
    frame = timer = undefined
  }
  const run = () => {
    cancel()
    callback()
  }
  const schedule = () => {
    if (timer !== undefined) return
    timer = setTimeout(run, HIDDEN_PAGE_DELAY)
    // Not there in React Native's tests and other places without a screen.
    if (typeof requestAnimationFrame === 'function') frame = requestAnimationFrame(run)
  }
  return Object.assign(schedule, { cancel })
}
