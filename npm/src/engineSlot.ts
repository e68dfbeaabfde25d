/** Where a client's engine will be, once the WebAssembly is loaded. */

import type { Engine, LoadEngine, MakeEngine } from './engine.js'

/** Keeps what is called meanwhile, in order. */
export class EngineSlot {
  #engine: Engine | undefined
  #loading: object | undefined
  #calls: ((engine: Engine) => void)[] = []

  constructor(
    readonly load: LoadEngine,
    readonly make: (make: MakeEngine) => Engine,
  ) {}

  /** The engine, if there is one yet. */
  get now(): Engine | undefined {
    return this.#engine
  }

  /** Calls the engine, now or when it is there. */
  use(call: (engine: Engine) => void): void {
    if (this.#engine) call(this.#engine)
    else this.#calls.push(call)
  }

  /** Begins to load, unless that is done or under way. Whether it began. */
  start(failed: (error: unknown) => void): boolean {
    if (this.#engine || this.#loading) return false
    const loading = (this.#loading = {})
    this.load().then(
      (make) => {
        if (this.#loading !== loading) return
        this.#loading = undefined
        const engine = (this.#engine = this.make(make))
        for (const call of this.#calls.splice(0)) call(engine)
      },
      (error: unknown) => {
        if (this.#loading !== loading) return
        this.#loading = undefined
        failed(error)
      },
    )
    return true
  }

  /** Makes no engine of what is being loaded. What waits for it goes on waiting. Whether anything was. */
  stop(): boolean {
    const loading = this.#loading !== undefined
    this.#loading = undefined
    return loading
  }

  /** Lets the engine go, and what waits for it. */
  clear(): void {
    const engine = this.#engine
    this.#engine = undefined
    this.#loading = undefined
    this.#calls = []
    engine?.close()
  }
}
