import { createClientWith } from './client.js'
import { loadOnce } from './loadOnce.js'
import type { Client, ClientOptions } from './types.js'
import init, { type InitInput } from './wasm/samewire_wasm_client.js'

/** Where the WebAssembly is: its bytes, its URL, a response that brings it, or the compiled module. */
export type WasmSource = InitInput | Promise<InitInput>

/** The options of a client that is told where its WebAssembly is. */
export interface SlimOptions extends ClientOptions {
  /** The WebAssembly, or a function that is called when it is needed. The first client's is taken for all. */
  wasm: WasmSource | (() => WasmSource | Promise<WasmSource>)
}

/** Makes a client of the server at `url`, with the WebAssembly given. */
export function createClient(url: string, { wasm, ...options }: SlimOptions): Client {
  const load = loadOnce(async () => init({ module_or_path: await (typeof wasm === 'function' ? wasm() : wasm) }))
  return createClientWith(load)(url, options)
}

export { SamewireError } from './error.js'
export type * from './types.js'
