import { createClientWith } from './client.js'
import { loadOnce } from './loadOnce.js'

/** Makes a client of the server at `url`, which names no path. Returns at once; the WebAssembly is fetched on connecting. */
export const createClient = createClientWith(loadOnce(() => new URL('./wasm/samewire_wasm_client_bg.wasm', import.meta.url)))

export { SamewireError } from './error.js'
export type * from './types.js'
