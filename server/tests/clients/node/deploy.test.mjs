// What lies in deploy/ speaks of this server as it is: its settings, its metrics, its files.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { ask, next, open, signedIn } from './client.mjs'
import { call } from './api.mjs'
import { deployed, tool } from './proxy.mjs'
import { startRedis } from './redis.mjs'
import { helpText, startServer } from './server.mjs'

const run = promisify(execFile)
const root = fileURLToPath(new URL('../../../../', import.meta.url))

let settings, defaults
before(async () => {
  const help = await helpText()
  settings = new Set([...help.matchAll(/\[env: (\w+)/g)].map(([, name]) => name))
  defaults = Object.fromEntries([...help.matchAll(/\[env: (\w+)=?\]\s+\[default: ([^\]]*)\]/g)].map(([, name, value]) => [name, value]))
})

describe('the Dockerfile', () => {
  /** `[instruction, rest]` of each, continued lines taken together. */
  const instructions = deployed('Dockerfile')
    .replace(/^#.*\n/gm, '')
    .replace(/\\\n/g, '')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => /^(\w+)\s+(.*)$/.exec(line).slice(1))
  const all = (name) => instructions.filter(([instruction]) => instruction === name).map(([, rest]) => rest)

  test('copies what is there, and all that the workspace has', () => {
    const sources = all('COPY').filter((rest) => !rest.startsWith('--from')).flatMap((rest) => rest.split(/\s+/).slice(0, -1))
    for (const source of sources) assert.ok(existsSync(join(root, source)), `COPY ${source}`)
    const members = /^members = \[(.*)\]$/m.exec(readFileSync(join(root, 'Cargo.toml'), 'utf8'))[1]
    for (const [, member] of members.matchAll(/"([^"]+)"/g)) assert.ok(sources.includes(member), `${member} is not copied`)
    const ignored = deployed('Dockerfile.dockerignore').trim().split('\n')
    for (const source of sources) assert.ok(!ignored.includes(source), `${source} is ignored`)
  })

  test('builds as the manual says, and runs what it built', () => {
    const build = all('RUN').find((command) => command.startsWith('cargo '))
    assert.ok(readFileSync(join(root, 'docs/deploy.md'), 'utf8').includes(`\n${build}\n`), build)
    const [, source, target] = /^--from=build (\S+) (\S+)$/.exec(all('COPY').at(-1))
    assert.equal(source, `${all('WORKDIR')[0]}/target/release/samewire-server`)
    assert.equal(target, `/usr/local/bin/${JSON.parse(all('ENTRYPOINT')[0])[0]}`)
  })

  test('knows the settings, and listens where it says', () => {
    const set = all('ENV').flatMap((rest) => rest.split(/\s+/)).map((pair) => pair.split('='))
    for (const [name] of set) assert.ok(settings.has(name), name)
    const { PORT, HOST } = Object.fromEntries(set)
    assert.deepEqual(all('EXPOSE'), [PORT])
    assert.equal(PORT, defaults.PORT)
    assert.equal(HOST, '0.0.0.0')
    assert.match(all('HEALTHCHECK')[0], /CMD curl .*\/health$/)
  })

  test('runs as nobody in particular, and stops as the server likes', () => {
    const users = all('USER')
    assert.ok(users.length === 1 && Number(users[0]) > 0)
    assert.deepEqual(all('STOPSIGNAL'), ['SIGTERM'])
  })
})

describe('the unit of systemd', () => {
  const unit = deployed('samewire-server.service')
  const value = (name) => new RegExp(`^${name}=(.*)$`, 'm').exec(unit)?.[1]

  test('waits for longer than a stop takes, and keeps the database where it may write', () => {
    assert.ok(parseInt(value('TimeoutStopSec'), 10) > 10)
    assert.equal(value('WorkingDirectory'), `/var/lib/${value('StateDirectory')}`)
  })

  // Where there is no systemd, there is nobody to ask.
  const analyze = '/usr/bin/systemd-analyze'
  test('is taken by systemd, and leaves the server little to do harm with', { skip: !existsSync(analyze) && 'no systemd' }, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'samewire-unit-'))
    t.after(() => rmSync(folder, { recursive: true, force: true }))
    const file = join(folder, 'samewire-server.service')
    writeFileSync(file, unit.replace(`ExecStart=${value('ExecStart')}`, 'ExecStart=/bin/true'))
    const { stderr } = await run(analyze, ['verify', '--man=no', file])
    assert.ok(!stderr.includes('samewire-server.service'), stderr)
    const { stdout } = await run(analyze, ['security', '--offline=true', '--no-pager', file])
    const exposure = Number(/exposure level for samewire-server.service: ([\d.]+)/.exec(stdout)[1])
    assert.ok(exposure < 2, `${exposure} of 10`)
  })
})

test('the example of settings has none that there are not', () => {
  const lines = deployed('samewire.env').split('\n').map((line) => /^#?([A-Z_]+)=/.exec(line)?.[1]).filter(Boolean)
  assert.ok(lines.length >= 3)
  for (const name of lines) assert.ok(settings.has(name), name)
})

describe('what is measured', () => {
  /** Each sample that a server exports, as `{ name, labels }`. */
  let samples
  before(async () => {
    const ends = []
    const test = { after: (end) => ends.push(end) }
    const redis = await startRedis(test)
    const server = await startServer({ env: { REDIS_URL: redis.url } })
    try {
      const socket = await signedIn(test, server, 'anna')
      await ask(socket, 'room:join', 'measured')
      await Promise.all([next(socket, 'broadcast'), ask(socket, 'broadcast', { room: 'measured', event: 'x', data: {} })])
      const stranger = open(test, server, { auth: { token: 'none' } })
      await next(stranger, 'connect_error')
      assert.equal((await call(server, 'GET', '/health')).status, 200)
      const text = await (await fetch(`${server.url}/metrics`)).text()
      samples = [...text.matchAll(/^(\w+)(?:\{([^}]*)\})? \S+$/gm)].map(([, name, labels = '']) => ({
        name, labels: Object.fromEntries([...labels.matchAll(/(\w+)="([^"]*)"/g)].map(([, label, value]) => [label, value])),
      }))
    } finally {
      await server.stop()
      for (const end of ends) await end()
    }
  })

  /** Those that Prometheus adds by itself. */
  const OF_TARGET = ['instance', 'job']

  /** Every series that a query names is exported, with the labels and the values it names. */
  function check(query) {
    const selectors = [...query.matchAll(/\b(samewire_\w+)(?:\{([^}]*)\})?/g)]
    assert.ok(selectors.length > 0 || query.startsWith('up{'), query)
    let labels = []
    for (const [, name, matchers = ''] of selectors) {
      const pairs = [...matchers.matchAll(/(\w+)\s*(=~|=)\s*"([^"]*)"/g)].filter(([, label]) => !OF_TARGET.includes(label))
      const fits = samples.filter((sample) => sample.name === name && pairs.every(([, label, by, value]) => (by === '=' ? sample.labels[label] === value : label in sample.labels)))
      assert.ok(fits.length > 0, `${name}{${matchers}} is not exported: ${query}`)
      labels.push(...Object.keys(fits[0].labels))
    }
    for (const [, list] of query.matchAll(/\b(?:by|without|on|ignoring) \(([^)]*)\)/g)) {
      for (const label of list.split(/,\s*/)) assert.ok([...labels, ...OF_TARGET].includes(label), `no label ${label}: ${query}`)
    }
  }

  test('is what the dashboard shows', () => {
    const dashboard = JSON.parse(deployed('grafana.json'))
    const queries = dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr))
    assert.ok(queries.length >= dashboard.panels.length)
    queries.forEach(check)
    for (const { query } of dashboard.templating.list) if (query.includes('samewire_')) check(query)
    // A metric that is nowhere to be seen might as well not be there.
    const shown = queries.join(' ')
    const families = new Set(samples.map(({ name }) => name.replace(/_(bucket|sum|count)$/, '')).filter((name) => name.startsWith('samewire_')))
    for (const family of families) assert.ok(shown.includes(family), `${family} is on no panel`)
    const ids = dashboard.panels.map(({ id }) => id)
    assert.equal(new Set(ids).size, ids.length)
  })

  test('is what the alerts look at', () => {
    const queries = [...deployed('alerts.yml').matchAll(/^\s+expr: (.*)$/gm)].map(([, query]) => query)
    assert.ok(queries.length > 5)
    queries.forEach(check)
  })

  test('alerts go off when they should, in the eyes of Prometheus', async () => {
    const promtool = tool('promtool')
    const file = (name) => join(root, 'deploy', name)
    await run(promtool, ['check', 'rules', file('alerts.yml')])
    await run(promtool, ['test', 'rules', file('alerts.test.yml')])
  })

  test('each alert is in the manual', () => {
    const manual = readFileSync(join(root, 'docs/deploy.md'), 'utf8')
    const alerts = [...deployed('alerts.yml').matchAll(/- alert: (\w+)/g)].map(([, name]) => name)
    for (const alert of alerts) assert.ok(manual.includes(`| \`${alert}\` |`), alert)
    for (const [, alert] of manual.matchAll(/^\| `(Samewire\w+)` \|/gm)) assert.ok(alerts.includes(alert), alert)
  })
})

test('the manual names settings and files that there are', () => {
  const manual = readFileSync(join(root, 'docs/deploy.md'), 'utf8')
  const OTHERS = new Set(['RUST_LOG'])
  for (const [, name] of manual.matchAll(/`([A-Z]+(?:_[A-Z]+)+)`/g)) assert.ok(settings.has(name) || OTHERS.has(name), name)
  for (const [, name] of manual.matchAll(/(?:^|\s)([A-Z]+(?:_[A-Z]+)+)=/gm)) assert.ok(settings.has(name), name)
  for (const [, path] of manual.matchAll(/\]\(([^)#]+)\)/g)) assert.ok(existsSync(join(root, 'docs', path)), path)
  for (const [, path] of manual.matchAll(/\b(deploy\/[\w.-]+)/g)) assert.ok(existsSync(join(root, path)), path)
})
