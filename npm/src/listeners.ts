/** Who listens to what. */

import { once } from './off.js'
import type { Off } from './types.js'

type Listener = (...args: never[]) => void

/** Listeners by key. One that throws hurts no other: it is reported. */
export class Listeners<Key> {
  readonly #byKey = new Map<Key, Set<{ call: Listener }>>()
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
    const entry = { call: listener }
    const entries = this.#byKey.get(key) ?? new Set()
    this.#byKey.set(key, entries.add(entry))
    this.#size += 1
    return once(() => {
      if (!entries.delete(entry)) return
      this.#size -= 1
      if (entries.size === 0 && this.#byKey.get(key) === entries) this.#byKey.delete(key)
    })
  }

  /** Calls those that listen now. One that is ended by another meanwhile isn't called. */
  call(key: Key, ...args: unknown[]): void {
    const entries = this.#byKey.get(key)
    if (!entries) return
    for (const entry of [...entries]) {
      if (!entries.has(entry)) continue
      try {
        entry.call(...(args as never[]))
      } catch (error) {
        report(error)
      }
    }
  }

  clear(): void {
    for (const entries of this.#byKey.values()) entries.clear()
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
