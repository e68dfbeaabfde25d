// Builds what is published: dist/ holds the compiled sources, their types, and the WebAssembly.
// Run by npm, which knows where the compiler is.

import { execFileSync } from 'node:child_process'
import { cp, rm } from 'node:fs/promises'

const root = new URL('../', import.meta.url)

await rm(new URL('dist', root), { recursive: true, force: true })
await import('./inline.js')
execFileSync('tsc', ['--project', 'tsconfig.build.json'], { cwd: root, stdio: 'inherit' })
// What stands once in the repository, and is to be in the package, too.
for (const file of ['CHANGELOG.md', 'LICENSE-MIT', 'LICENSE-APACHE']) await cp(new URL(`../${file}`, root), new URL(file, root))
for (const folder of ['generated', 'wasm']) {
  await cp(new URL(`src/${folder}`, root), new URL(`dist/${folder}`, root), {
    recursive: true,
    filter: (file) => !file.endsWith('.ts') || file.endsWith('.d.ts'),
  })
}
