import type { LoadEngine } from './engine.js'
import { Engine } from './wasm/samewire_wasm_client.js'

/** Loads once for all clients. A failure isn't kept: the next client, or the next `connect`, tries again. */
export function loadOnce(load: () => unknown): LoadEngine {
  let loading: Promise<{ Engine: typeof Engine }> | undefined
  return () =>
    (loading ??= Promise.resolve()
      .then(load)
      .then(
        () => ({ Engine }),
        (error: unknown) => {
          loading = undefined
          throw error
        },
      ))
}
