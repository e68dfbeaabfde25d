// Writes the WebAssembly as a module of its own, for environments where nothing can be fetched.

import { readFile, writeFile } from 'node:fs/promises'

const folder = new URL('../src/wasm/', import.meta.url)
const wasm = await readFile(new URL('samewire_wasm_client_bg.wasm', folder))

await writeFile(new URL('inlined.js', folder), `export const base64 = '${wasm.toString('base64')}'\n`)
await writeFile(new URL('inlined.d.ts', folder), 'export declare const base64: string\n')
// What an import of the file itself gives is each bundler's own.
await writeFile(new URL('client.wasm.d.ts', folder), 'declare const wasm: any\nexport default wasm\n')
