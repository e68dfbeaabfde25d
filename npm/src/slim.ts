import { createClientWith } from './client.js'
import { loadOnce } from './loadOnce.js'
import type { Client, ClientOptions } from './types.js'
import type { WasmSource } from './start.js'

export type { WasmSource } from './start.js'

/** The options of a client that is told where its WebAssembly is. */
export interface SlimOptions extends ClientOptions {
  /** The WebAssembly, or a function that is called when it is needed. The first client's is taken for all. */
  wasm: WasmSource | Promise<WasmSource> | (() => WasmSource | Promise<WasmSource>)
}

/** Makes a client of the server at `url`, with the WebAssembly given. */
export function createClient(url: string, { wasm, ...options }: SlimOptions): Client {
  return createClientWith(loadOnce(() => (typeof wasm === 'function' ? wasm() : wasm)))(url, options)
}

export { SamewireError } from './error.js'
export type * from './types.js'
