/** How long a page that paints no frames, as a hidden one, is kept waiting, in milliseconds. */
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
  const wait = () => {
    // A frame that is late comes nevertheless: to render before it would be to render twice for it.
    timer = setTimeout(() => (paintsFrames() ? wait() : run()), HIDDEN_PAGE_DELAY)
  }
  const schedule = () => {
    if (timer !== undefined) return
    wait()
    if (typeof requestAnimationFrame === 'function') frame = requestAnimationFrame(run)
  }
  return Object.assign(schedule, { cancel })
}

/** Not where there is no screen, as in tests of React Native, nor in a hidden page. */
function paintsFrames(): boolean {
  return typeof requestAnimationFrame === 'function' && typeof document !== 'undefined' && document.visibilityState !== 'hidden'
}
