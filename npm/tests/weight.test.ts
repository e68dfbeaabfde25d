// What a page loads for `samewire`: everything that a bundler makes of it, as a server sends it.

import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build, type Rolldown } from 'vite'
import { expect, it } from 'vitest'

/** Bytes, gzipped. Lower it when the client gets lighter. */
const MOST = 26_000

const PAGE = 'page.js'

const source = `
  import { createClient } from ${JSON.stringify(fileURLToPath(new URL('../dist/index.js', import.meta.url)))}
  createClient('http://localhost:3000').on('event-received', console.log)`

it('is no heavier than it was', async () => {
  const { output } = (await build({
    configFile: false,
    logLevel: 'silent',
    plugins: [{ name: 'page', resolveId: (id) => (id === PAGE ? id : undefined), load: (id) => (id === PAGE ? source : undefined) }],
    build: { write: false, assetsInlineLimit: 0, modulePreload: false, rolldownOptions: { input: PAGE } },
  })) as Rolldown.RolldownOutput
  const files = output.map((file) => ({ name: file.fileName, bytes: gzipSync(file.type === 'chunk' ? file.code : file.source, { level: 9 }).length }))
  const total = files.reduce((sum, { bytes }) => sum + bytes, 0)
  const parts = files.map(({ name, bytes }) => `${bytes} ${name}`)
  console.log(`A page loads ${total} bytes of samewire, gzipped: ${parts.join(', ')}`)
  expect(files.map(({ name }) => name.endsWith('.wasm'))).toContain(true)
  expect(total).toBeLessThan(MOST)
})
