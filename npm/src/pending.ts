/** Promises that the engine settles by number. */

interface Waiting<T> {
  resolve(value: T): void
  reject(error: unknown): void
  forget(): void
}

/** Each is settled once; what is told of it later is ignored. */
export class Pending<T> {
  readonly #waiting = new Map<number, Waiting<T>>()
  #last = 0

  get size(): number {
    return this.#waiting.size
  }

  has(id: number): boolean {
    return this.#waiting.has(id)
  }

  /**
   * Makes a promise, and begins what will settle it. When the signal says so the promise is given
   * up, and `giveUp` called.
   */
  start(begin: (id: number) => void, giveUp: (id: number) => void, signal?: AbortSignal): Promise<T> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason)
      const id = (this.#last += 1)
      const abort = () => {
        this.reject(id, signal?.reason)
        giveUp(id)
      }
      signal?.addEventListener('abort', abort)
      this.#waiting.set(id, { resolve, reject, forget: () => signal?.removeEventListener('abort', abort) })
      begin(id)
    })
  }

  resolve(id: number, value: T): void {
    this.#take(id)?.resolve(value)
  }

  reject(id: number, error: unknown): void {
    this.#take(id)?.reject(error)
  }

  rejectAll(error: unknown): void {
    for (const id of [...this.#waiting.keys()]) this.reject(id, error)
  }

  #take(id: number): Waiting<T> | undefined {
    const waiting = this.#waiting.get(id)
    waiting?.forget()
    this.#waiting.delete(id)
    return waiting
  }
}
