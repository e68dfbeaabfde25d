import type { LoadEngine, MakeEngine } from './engine.js'
import { Engine } from './wasm/engine.js'
import { Core, type InitOutput } from './wasm/samewire_wasm_client.js'

/** Loads once for all clients. A failure isn't kept: the next client, or the next `connect`, tries again. */
export function loadOnce(load: () => InitOutput | Promise<InitOutput>): LoadEngine {
  let loading: Promise<MakeEngine> | undefined
  return () =>
    (loading ??= Promise.resolve()
      .then(load)
      .then(
        ({ memory }) => {
          const wasm = { makeCore: (options: number, seed: number) => new Core(options, seed), memory }
          return (...parts) => new Engine(wasm, ...parts)
        },
        (error: unknown) => {
          loading = undefined
          throw error
        },
      ))
}
