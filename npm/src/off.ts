import type { Off } from './types.js'

/** A function that ends something once, and serves `using` where there is such a thing. */
export function once(end: () => void): Off {
  let ended = false
  const off = () => {
    if (ended) return
    ended = true
    end()
  }
  disposable(off, off)
  return off as Off
}

/** Gives an object the method that `using` calls, where the runtime knows it. */
export function disposable(object: object, dispose: () => void): void {
  if (Symbol.dispose) Object.defineProperty(object, Symbol.dispose, { value: dispose })
}
