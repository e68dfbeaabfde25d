// The programs of the READMEs, as printed: types and all, against the built package.

import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'

const run = promisify(execFile)
const root = fileURLToPath(new URL('..', import.meta.url))
const tsc = fileURLToPath(new URL('../../node_modules/typescript/bin/tsc', import.meta.url))
const options = '--ignoreConfig --noEmit --strict --jsx react-jsx --module esnext --moduleResolution bundler --target es2022 --lib es2022,dom,dom.iterable'

let folder: string
let program: string

beforeAll(async () => {
  // Inside the package, so that `samewire` is found as the package itself.
  folder = await mkdtemp(join(root, 'tests', 'readme-'))
  const readme = await readFile(join(root, '..', 'README.md'), 'utf8')
  const printed = /```tsx\n([^]*?)```/.exec(readme)?.[1]
  if (printed === undefined) throw new Error('README.md shows no program')
  program = printed
})

afterAll(() => rm(folder, { recursive: true }))

async function check(name: string, source: string): Promise<string> {
  const file = join(folder, name)
  await writeFile(file, source)
  const told = await run(process.execPath, [tsc, ...options.split(' '), file], { cwd: root }).catch((error: { stdout: string }) => error)
  return told.stdout
}

it('compiles as it stands', { timeout: 60_000 }, async () => {
  expect(program.trim().split('\n').length).toBeLessThanOrEqual(15)
  expect(await check('program.tsx', program)).toBe('')
})

it("doesn't when a name is misspelt", { timeout: 60_000 }, async () => {
  expect(await check('field.tsx', program.replace('({ event })', '({ evnt })'))).toMatch(/evnt/)
  expect(await check('event.tsx', program.replace('event-received', 'event-recieved'))).toMatch(/event-recieved/)
})

it('prints a page of hooks that compiles', { timeout: 60_000 }, async () => {
  const readme = await readFile(join(root, 'README.md'), 'utf8')
  const page = /```tsx\n([^]*?)```/.exec(readme)?.[1]
  expect(page).toMatch(/SamewireProvider url/)
  expect(await check('page.tsx', page!)).toBe('')
  expect(await check('item.tsx', page!.replaceAll('done: !task.done', 'dnoe: !task.done'))).toMatch(/^\S*item\.tsx/)
})

it('prints how events of one’s own are declared, which compiles', { timeout: 60_000 }, async () => {
  const readme = await readFile(join(root, 'README.md'), 'utf8')
  const declared = /```ts\n(declare module [^]*?)```/.exec(readme)?.[1]
  const used = `import { createClient } from 'samewire'
    const client = createClient('http://localhost')
    client.on('piece_moved', ({ from }) => from.length)
    const { legal } = await client.emit('move_piece', { from: 'e2', to: 'e4' })
    const game = await client.join('game:1')
    if (legal) game.on('piece_moved', ({ to }) => to.length)
    export {}\n`
  expect(await check('own.ts', used + declared!)).toBe('')
  expect(await check('other.ts', used.replace("to: 'e4'", 'to: 4') + declared!)).toMatch(/other\.ts.*'string'/)
})

it('prints the tests that are run', async () => {
  const readme = await readFile(join(root, 'README.md'), 'utf8')
  expect(readme).toContain(await readFile(join(root, 'tests', 'readme', 'testing.test.tsx'), 'utf8'))
})
