/** Promises that the engine settles by number. */

import type { SamewireError } from './error.js'
import type { Refusal } from './types.js'

interface Waiting<T> {
  event: string
  room: string | undefined
  resolve(value: T): void
  reject(error: unknown): void
  forget: (() => void) | undefined
}

/** Each is settled once; what is told of it later is ignored. */
export class Pending<T> {
  readonly #waiting = new Map<number, Waiting<T>>()
  #last = 0

  /** `refused` is told of each that fails, unless its signal gave it up. */
  constructor(readonly refused: (refusal: Refusal) => void) {}

  get size(): number {
    return this.#waiting.size
  }

  has(id: number): boolean {
    return this.#waiting.has(id)
  }

  /**
   * Makes a promise of what an event, of a room perhaps, is to bring, and begins what will settle it. When
   * the signal says so the promise is given up, and `giveUp` called.
   */
  start(event: string, room: string | undefined, begin: (id: number) => void, giveUp: (id: number) => void, signal?: AbortSignal): Promise<T> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason)
      const id = (this.#last += 1)
      const waiting: Waiting<T> = { event, room, resolve, reject, forget: undefined }
      this.#waiting.set(id, waiting)
      if (signal) {
        const abort = () => {
          this.#take(id)?.reject(signal.reason)
          giveUp(id)
        }
        signal.addEventListener('abort', abort)
        waiting.forget = () => signal.removeEventListener('abort', abort)
      }
      begin(id)
    })
  }

  resolve(id: number, value: T): void {
    this.#take(id)?.resolve(value)
  }

  reject(id: number, error: SamewireError): void {
    const waiting = this.#take(id)
    if (!waiting) return
    waiting.reject(error)
    this.refused({ event: waiting.event, room: waiting.room, error })
  }

  rejectAll(error: SamewireError): void {
    for (const id of [...this.#waiting.keys()]) this.reject(id, error)
  }

  #take(id: number): Waiting<T> | undefined {
    const waiting = this.#waiting.get(id)
    waiting?.forget?.()
    this.#waiting.delete(id)
    return waiting
  }
}
