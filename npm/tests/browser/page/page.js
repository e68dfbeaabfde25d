// What a page has of the built package, for the tests to call.

import { createClient } from '../../../dist/index.js'

window.createClient = createClient
// The package loads its WebAssembly once for all clients.
let memory
const { instantiate } = WebAssembly
WebAssembly.instantiate = async (...given) => {
  const made = await instantiate(...given)
  memory = Object.values(made.exports).find((exported) => exported instanceof WebAssembly.Memory)
  return made
}
window.wasmBytes = () => memory.buffer.byteLength
