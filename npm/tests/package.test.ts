// The built package, as Node.js finds it: `npm run build` comes first.

import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))

async function run(source: string, type: 'module' | 'commonjs' = 'module'): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [`--input-type=${type}`, '--eval', source], { cwd: root })
  return stdout.trim()
}

const FAILING_SOCKET = `class { constructor() { throw new Error('no network') } }`

/** Connects with sockets that can't be opened: only an engine that runs says so. */
const CONNECT = `
  client.subscribe(() => {
    if (client.state.status !== 'closed') return
    console.log(client.state.reason.message)
    client.close()
  })
  client.connect()`

describe('the built package', () => {
  it('brings its engine with it', async () => {
    const client = `createClient('http://localhost', { WebSocket: ${FAILING_SOCKET}, transports: ['websocket'], reconnection: false })`
    expect(await run(`import { createClient } from 'samewire'; const client = ${client}; ${CONNECT}`)).toBe('no connection to http://localhost: no network')
  })

  it.each([
    ['its bytes', 'bytes'],
    ['a function that reads it', 'async () => bytes'],
    ['its module', 'WebAssembly.compile(bytes)'],
    ['its URL', 'new URL(`data:application/wasm;base64,${bytes.toString("base64")}`)'],
    ['what a fetch of it gives', 'fetch(`data:application/wasm;base64,${bytes.toString("base64")}`)'],
  ])('takes the engine from elsewhere: %s', async (_, wasm) => {
    const source = `
      import { readFile } from 'node:fs/promises'
      import { createClient } from 'samewire/slim'
      const bytes = await readFile(new URL(import.meta.resolve('samewire/client.wasm')))
      const client = createClient('http://localhost', { wasm: ${wasm}, WebSocket: ${FAILING_SOCKET}, transports: ['websocket'], reconnection: false })
      ${CONNECT}`
    expect(await run(source)).toBe('no connection to http://localhost: no network')
  })

  it('does nothing on import, nor when a client is made', async () => {
    const source = `
      import { createClient } from 'samewire'
      import * as react from 'samewire/react'
      import * as protocol from 'samewire/protocol'
      import * as testing from 'samewire/testing'
      const client = createClient('/')
      console.log(client.state.status, typeof react.useRoom, protocol.PROTOCOL_VERSION, testing.createTestServer().connections)`
    expect(await run(source)).toBe('idle function 1.0 0')
  })

  it('can be required', async () => {
    expect(await run(`console.log(typeof require('samewire').createClient)`, 'commonjs')).toMatch(/function$/)
  })

  it('is as package managers, bundlers and compilers want it', { timeout: 120_000 }, async () => {
    // Each ends with an error where it finds a fault.
    for (const tool of ['publint --strict', 'attw --pack . --profile esm-only --quiet']) {
      const [name, ...options] = tool.split(' ')
      await promisify(execFile)('npx', ['--no', name!, '--', ...options], { cwd: root })
    }
  })
})
