// What a page has of the built package, for the tests to call.

import { createClient } from '../../../dist/index.js'
import load from '../../../dist/wasm/samewire_wasm_client.js'

window.createClient = createClient
// Once loaded, to load again gives what is there.
window.wasmBytes = async () => (await load()).memory.buffer.byteLength
