import type { LoadEngine, MakeEngine } from './engine.js'
import { start, type WasmSource } from './start.js'
import { makeEngine } from './wasm/engine.js'

/** Loads once for all clients. A failure isn't kept: the next client, or the next `connect`, tries again. */
export function loadOnce(source: () => WasmSource | Promise<WasmSource>): LoadEngine {
  let loading: Promise<MakeEngine> | undefined
  return () =>
    (loading ??= start(source).then(
      (wasm) =>
        (...parts) =>
          makeEngine(wasm, ...parts),
      (error: unknown) => {
        loading = undefined
        throw error
      },
    ))
}
