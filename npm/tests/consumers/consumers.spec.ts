import { once } from 'node:events'
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, type Page, test as base } from '@playwright/test'
import { Server, type Socket } from 'socket.io'
import { Proxy } from '../browser/Proxy.js'
import { Consumer, pack } from './Consumer.js'
import { DemoServer } from './DemoServer.js'

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url))

interface Shared {
  tarball: string
  server: DemoServer
}

const test = base.extend<{ install(template: string): Promise<Consumer> }, Shared>({
  tarball: [
    async ({}, use) => {
      const folder = await mkdtemp(join(tmpdir(), 'samewire-packed-'))
      await use(await pack(folder))
      await rm(folder, { recursive: true })
    },
    { scope: 'worker' },
  ],
  server: [
    async ({}, use) => {
      const server = await DemoServer.start()
      await use(server)
      await server.dispose()
    },
    { scope: 'worker' },
  ],
  // Nothing is wrong in its console.
  page: async ({ page }, use) => {
    const wrong: string[] = []
    page.on('pageerror', (error) => wrong.push(String(error)))
    page.on('console', (message) => {
      if (message.type() === 'error' && !message.location().url.endsWith('/favicon.ico')) wrong.push(message.text())
    })
    await use(page)
    expect(wrong).toEqual([])
  },
  install: async ({ tarball }, use) => {
    const consumers: Consumer[] = []
    await use(async (template) => {
      const consumer = await Consumer.install(template, tarball)
      consumers.push(consumer)
      return consumer
    })
    for (const consumer of consumers) await consumer.dispose()
  },
})

/** The program that most consumers run, beside their own files. */
const greet = (consumer: Consumer, name = 'greet.js') => cp(path('templates/greet.js'), join(consumer.folder, name))

/** Opens a page that is told which server to speak to. */
const open = (page: Page, address: string, server: DemoServer, user = 'ada') =>
  page.goto(`${address}/?${new URLSearchParams({ server: server.url, user })}`)

const SAID = 'ada says hello'

test('Vite, its development server', async ({ page, install, server }) => {
  const consumer = await install('vite')
  await greet(consumer)
  await open(page, await consumer.serve('npx', ['vite', '--port', '0']), server)
  await expect(page.locator('body')).toHaveText(SAID)
})

test('Vite, its build', async ({ page, install, server }) => {
  const consumer = await install('vite')
  await greet(consumer)
  await consumer.run('npx', ['vite', 'build'])
  await open(page, await consumer.serveFiles('dist'), server)
  await expect(page.locator('body')).toHaveText(SAID)
})

test('webpack', async ({ page, install, server }) => {
  const consumer = await install('webpack')
  await greet(consumer, 'greet.mjs')
  await consumer.run('npx', ['webpack'])
  await open(page, await consumer.serveFiles(), server)
  await expect(page.locator('body')).toHaveText(SAID)
})

test('esbuild alone, as the README says', async ({ page, install, server }) => {
  const consumer = await install('esbuild')
  const readme = await readFile(path('../../README.md'), 'utf8')
  const program = /```js\n([^]*?)```/.exec(readme)![1]!
  const command = /```bash\nnpx (esbuild .*)\n/.exec(readme)![1]!
  await writeFile(join(consumer.folder, 'page.js'), program.replace('http://localhost:3000', server.url))
  await consumer.run('npx', command.split(' '))
  await page.goto(await consumer.serveFiles())
  await expect(page.locator('body')).toHaveText('connected')
})

test('Next, in components of the server and of the page', async ({ page, install, server }) => {
  const consumer = await install('next')
  await consumer.run('npx', ['next', 'build'])
  await open(page, await consumer.serve('npx', ['next', 'start', '--port', '0', '--hostname', 'localhost']), server)
  await expect(page.getByText('On the server: idle, protocol 1.0')).toBeVisible()
  await expect(page.getByText('In the page: joined as ada')).toBeVisible()
})

test('a page without a bundler: examples/plain-page', async ({ page: ada, context, install, server }) => {
  const consumer = await install(path('../../../examples/plain-page'))
  const address = await consumer.serveFiles()
  const grace = await context.newPage()
  await open(ada, address, server)
  await open(grace, address, server, 'grace')
  for (const page of [ada, grace]) await expect(page.getByText('connected')).toBeVisible()
  await grace.getByLabel('Message').fill('Good morning')
  await grace.getByRole('button', { name: 'Send' }).click()
  for (const page of [ada, grace]) await expect(page.getByText('grace: Good morning')).toBeVisible()
})

test('Node.js', async ({ install, server }) => {
  const consumer = await install('node')
  await greet(consumer)
  expect(await consumer.run('node', ['main.js', server.url])).toBe(`${SAID}\n`)
})

test('the official client, whose connection is cut: examples/official-client', async ({ install, server }) => {
  const consumer = await install(path('../../../examples/official-client'))
  const proxy = await Proxy.before(server.url.replace('localhost', '127.0.0.1'))
  const printed = consumer.follow('node', ['main.js', proxy.url, 'grace', 'room:cut'])
  await expect.poll(printed).toEqual(['in room:cut, with 1 user(s)'])
  await server.publish('room:cut', 'said', 'one')
  await expect.poll(printed).toHaveLength(2)
  // It doesn't come back before both are there.
  proxy.mischief = { refuses: () => true }
  proxy.cut()
  await server.publish('room:cut', 'said', 'two')
  await server.publish('room:cut', 'said', 'three')
  proxy.mischief = {}
  await expect.poll(() => printed().filter((line) => line.startsWith('said'))).toEqual(['said "one"', 'said "two"', 'said "three"'])
  expect(printed()).toContain('back, 2 event(s) were missed')
  await proxy.close()
})

test('the official client, which gets no token at first: examples/official-client', async ({ install }) => {
  const consumer = await install(path('../../../examples/official-client'))
  let asked = 0
  const http = createServer((request, response) => {
    asked += 1
    if (asked < 3) request.socket.destroy()
    else response.end('a token')
  })
  const io = new Server(http)
  try {
    await once(http.listen(0, '127.0.0.1'), 'listening')
    const connected = once(io, 'connection') as Promise<[Socket]>
    consumer.follow('node', ['main.js', `http://127.0.0.1:${(http.address() as AddressInfo).port}`])
    const [{ handshake }] = await connected
    expect(handshake.auth).toEqual({ token: 'a token' })
    expect(asked).toBe(3)
  } finally {
    await io.close()
  }
})

test('Vitest with jsdom', async ({ install }) => {
  const consumer = await install('vitest')
  await cp(path('../readme/testing.test.tsx'), join(consumer.folder, 'testing.test.tsx'))
  expect(await consumer.run('npx', ['vitest', 'run'])).toMatch(/Tests\s+1 passed/)
})

test('TypeScript, as a bundler and as Node.js resolves, libraries checked too', async ({ install }) => {
  const consumer = await install('types')
  const options = '--noEmit --strict --jsx react-jsx --target es2022 --lib es2022,dom,dom.iterable,esnext.disposable --skipLibCheck false --types react'.split(' ')
  for (const [module, resolution] of [['esnext', 'bundler'], ['nodenext', 'nodenext']] as const) {
    await consumer.run('npx', ['tsc', ...options, '--module', module, '--moduleResolution', resolution, 'main.tsx'])
  }
})

test("the README's first page, as printed, by somebody who has never seen it", async ({ page, tarball, server }) => {
  const consumer = await Consumer.empty()
  try {
    const readme = await readFile(path('../../README.md'), 'utf8')
    const commands = /```bash\n(npm create vite@[^]*?)```/.exec(readme)?.[1]?.trim().split('\n')
    const program = /```ts\n([^]*?)```/.exec(readme)?.[1]
    expect(commands).toEqual(['npm create vite@latest hello -- --template vanilla-ts', 'cd hello', 'npm install samewire', 'npm run dev'])
    await consumer.run('npm', ['create', '--yes', 'vite@latest', 'hello', '--', '--template', 'vanilla-ts', '--no-interactive'])
    // Not published for this test: the tarball instead. And a port that is free.
    await consumer.add(tarball, 'hello')
    await writeFile(join(consumer.folder, 'hello/src/main.ts'), program!.replace('http://localhost:3000', server.url))
    await consumer.run('npm', ['run', 'build'], 'hello')
    await open(page, await consumer.serve('npm', ['run', 'dev', '--', '--port', '0'], 'hello'), server)
    await expect(page.getByText('connected')).toBeVisible()
    await expect(page.getByText('ada: Hello')).toBeVisible()
  } finally {
    await consumer.dispose()
  }
})

test('examples/custom-events, taken along and changed, by its README', async ({ tarball }) => {
  // It is compiled, too.
  test.setTimeout(1_800_000)
  const consumer = await Consumer.empty()
  const { folder } = consumer
  const repository = path('../../..')
  /** Changes a file of the copy, which holds what is to be changed. */
  const edit = async (file: string, from: string | RegExp, to: string) => {
    const text = await readFile(join(folder, file), 'utf8')
    expect(text).toMatch(from)
    await writeFile(join(folder, file), text.replaceAll(from, to))
  }
  try {
    const example = join(repository, 'examples/custom-events')
    await cp(example, folder, { recursive: true, filter: (file) => !/node_modules|dist$|test-results|page\/client/.test(file) })
    const readme = await readFile(join(folder, 'README.md'), 'utf8')
    const command = /```bash\n\s*(cargo run --package cafe-protocol .*)\n/.exec(readme)![1]!
    await writeFile(join(folder, 'Cargo.toml'), /```toml\n([^]*?)```/.exec(readme)![1]!)
    // From where it is on this machine, with the crates that the repository was built with.
    for (const part of ['protocol', 'server']) await edit(`${part}/Cargo.toml`, /(?<=path = ")\.\.\/\.\.\/\.\./g, repository.replace(/\/$/, ''))
    await cp(join(repository, 'Cargo.lock'), join(folder, 'Cargo.lock'))

    await edit('protocol/src/lib.rs', /pub cups: u8,/g, 'pub cups: u8,\n        /// Grams of it.\n        pub sugar: Option<u32>,')
    await edit('protocol/src/lib.rs', '/// Green or black.\n        Tea,', '/// Hot.\n        Soup,')
    const [program, ...args] = command.split(' ')
    await consumer.run(program!, args, '', { CARGO_NET_OFFLINE: 'true', CARGO_TARGET_DIR: join(repository, 'target/custom-events') })

    await consumer.add(tarball, 'page')
    const check = () => consumer.run('npx', ['tsc', '--noEmit'], 'page').then(() => '', String)
    expect(await check(), 'the page asks for nothing that is gone').toBe('')
    await edit('page/useOrders.ts', '(ordered) => setOrders', '(ordered) => ordered.sugar !== 5 && ordered.drink !== \'soup\' && setOrders')
    expect(await check(), 'it knows what is new').toBe('')
    await edit('page/useOrders.ts', "'soup'", "'tea'")
    expect(await check(), 'and what is gone').toMatch(/useOrders\.ts.*no overlap/s)
    await edit('page/useOrders.ts', "'tea'", "'soup'")
    await consumer.run('npx', ['vite', 'build'], 'page')
    const checks = `import { payloads } from './client/checks.js'; console.log(payloads.ordered({ guest: 'ada', drink: 'tea', cups: 1 }))`
    expect(await consumer.run('node', ['--input-type=module', '--eval', checks], 'page')).toBe('drink: expected coffee or soup\n')
  } finally {
    await consumer.dispose()
  }
})
