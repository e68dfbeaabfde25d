/** Who listens to what. */

import { once } from './off.js'
import type { Off } from './types.js'

type Listener = (...args: never[]) => void

interface Entry {
  call: Listener
  ended: boolean
}

/** Listeners by key. One that throws hurts no other: it is reported. */
export class Listeners<Key> {
  /** Each list is made anew when it changes: whoever goes through one goes through it as it was. */
  readonly #byKey = new Map<Key, readonly Entry[]>()
  #size = 0

  /** How many there are. */
  get size(): number {
    return this.#size
  }

  has(key: Key): boolean {
    return this.#byKey.has(key)
  }

  /** The same function may be added twice; each is ended by itself. */
  add(key: Key, listener: Listener): Off {
    const entry = { call: listener, ended: false }
    this.#byKey.set(key, [...(this.#byKey.get(key) ?? []), entry])
    this.#size += 1
    return once(() => {
      if (entry.ended) return
      entry.ended = true
      this.#size -= 1
      const left = this.#byKey.get(key)?.filter((other) => other !== entry)
      if (left?.length) this.#byKey.set(key, left)
      else this.#byKey.delete(key)
    })
  }

  /** Calls those that listen now. One that is ended by another meanwhile isn't called. */
  call(key: Key, ...args: unknown[]): void {
    const entries = this.#byKey.get(key)
    if (!entries) return
    for (const entry of entries) {
      if (entry.ended) continue
      try {
        entry.call(...(args as never[]))
      } catch (error) {
        report(error)
      }
    }
  }

  clear(): void {
    for (const entries of this.#byKey.values()) for (const entry of entries) entry.ended = true
    this.#byKey.clear()
    this.#size = 0
  }
}

/** Shows an error as if nobody had caught it. */
export function report(error: unknown): void {
  if (typeof globalThis.reportError === 'function') globalThis.reportError(error)
  else
    queueMicrotask(() => {
      throw error
    })
}
