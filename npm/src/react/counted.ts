/**
 * Shares one running thing between all who use it: `start` is called for the first, and what it
 * returned to end it after the last.
 *
 * It ends a moment after the last has let go, not at once: React's StrictMode lets go and takes
 * hold again in one go, and so does a page that is replaced by another which needs the same.
 */
export function counted(start: () => () => void): () => () => void {
  let users = 0
  let end: (() => void) | undefined

  const endUnlessUsed = () => {
    if (users > 0) return
    end?.()
    end = undefined
  }
  return () => {
    users += 1
    end ??= start()
    let released = false
    return () => {
      if (released) return
      released = true
      users -= 1
      queueMicrotask(endUnlessUsed)
    }
  }
}
