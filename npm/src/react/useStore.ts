import { useCallback, useSyncExternalStore } from 'react'
import { oncePerFrame } from './frame.js'

/** Something whose current value can be read, and that tells when there is another. */
export interface Store<T> {
  /** The current value: the very same one until it changes. */
  get(): T
  /** What there is to show where nothing is connected, as on a server. */
  readonly idle: T
  /** Calls `onChange` after each change; what it returns ends that. */
  subscribe(onChange: () => void): () => void
}

/** The current value of a store. Every hook of this package that shows something is built on it. */
export function useStore<T>(store: Store<T>): T {
  const subscribe = useCallback(
    (onChange: () => void) => {
      // However many changes come in a burst, the component renders once for each painted frame.
      const render = oncePerFrame(onChange)
      const unsubscribe = store.subscribe(render)
      return () => {
        unsubscribe()
        render.cancel()
      }
    },
    [store],
  )
  return useSyncExternalStore(subscribe, () => store.get(), () => store.idle)
}
