import { exported, type Exports, imports } from './wasm/engine.js'

/** Where the WebAssembly is: its bytes, its URL, a response that brings it, or the compiled module. */
export type WasmSource = string | URL | Request | Response | BufferSource | WebAssembly.Module

/** Starts the WebAssembly. What is fetched is compiled when all of it is there: it is small, and servers name it by all sorts of types. */
export async function start(source: () => WasmSource | Promise<WasmSource>): Promise<Exports> {
  let wasm = await source()
  if (typeof wasm === 'string' || wasm instanceof URL || wasm instanceof Request) wasm = await fetch(wasm)
  if (wasm instanceof Response) {
    const { ok, url, status, headers } = wasm
    const type = headers.get('content-type')
    if (!ok || type?.startsWith('text/html')) throw new Error(`${url} is not it: ${status}, ${type}`)
    wasm = await wasm.arrayBuffer()
  }
  const module = wasm instanceof WebAssembly.Module ? wasm : await WebAssembly.compile(wasm)
  return exported((await WebAssembly.instantiate(module, imports)).exports)
}
