import { createClientWith } from './client.js'
import { loadOnce } from './loadOnce.js'

/** Makes a client of the server at `url`, which names no path. Returns at once; the WebAssembly comes from within the package. */
export const createClient = createClientWith(
  loadOnce(async () => {
    const { base64 } = await import('./wasm/inlined.js')
    return Uint8Array.from(atob(base64), (sign) => sign.charCodeAt(0))
  }),
)

export { SamewireError } from './error.js'
export type * from './types.js'
