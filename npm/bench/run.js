// Builds the page, opens it in Chromium, measures row by row and round by round, and prints a table.
// Run by `cargo xtask bench client`.

import { writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { chromium } from 'playwright-core'
import { build, preview, runnerImport } from 'vite'
import { launchOptions } from '../tests/browser/chromium.js'
import { isOverNetwork, printRow, printSummary, summary } from './report.js'

const WARM_UP_ROUNDS = 2

const { values: options } = parseArgs({ options: { rounds: { type: 'string', default: '9' }, only: { type: 'string' }, json: { type: 'string' } } })
const rounds = Number(options.rounds)
if (!Number.isInteger(rounds) || rounds < 1) throw new RangeError(`--rounds: expected a whole number from 1, got ${options.rounds}`)

// The page's files as they would be published. The headers give it a clock of fine ticks.
const root = fileURLToPath(new URL('.', import.meta.url))
const settings = { root, configFile: false, logLevel: 'warn' }
await build({ ...settings, build: { outDir: 'dist', emptyOutDir: true, target: 'es2022' } })
const server = await preview({
  ...settings,
  build: { outDir: 'dist' },
  preview: { port: 0, headers: { 'cross-origin-opener-policy': 'same-origin', 'cross-origin-embedder-policy': 'require-corp' } },
})

const { module } = await runnerImport(`${root}burstServer.ts`, settings)
const bursts = await module.listen()

const browser = await chromium.launch({
  ...launchOptions,
  args: [...launchOptions.args, '--js-flags=--expose-gc'],
})
try {
  const page = await browser.newPage()
  const broken = new Promise((_, reject) => page.on('pageerror', reject))
  const devTools = await page.context().newCDPSession(page)
  await devTools.send('Performance.enable')
  await page.goto(`${server.resolvedUrls.local[0]}?port=${bursts.port}`)
  await page.waitForFunction('window.rows')

  const rows = (await page.evaluate('window.rows'))
    .map((row, index) => ({ ...row, index, rates: [] }))
    .filter((row) => !options.only || nameOf(row).includes(options.only))
  if (rows.length === 0) throw new RangeError(`--only: no row has ${JSON.stringify(options.only)} in its name`)

  /** What both clients reach with the same frames, one after the other. */
  const measured = async (row, names) => {
    const rates = {}
    await page.evaluate(`window.prepare(${row.index})`)
    for (const name of names) {
      await page.evaluate('window.rest()')
      const before = await threadSeconds(devTools)
      const { events, spent, served } = await page.evaluate(`window.run('${name}')`)
      const worked = ((await threadSeconds(devTools)) - before) * (spent / (spent + served))
      rates[name] = events / (isOverNetwork(row) ? spent / 1_000 : worked)
    }
    return rates
  }

  for (let round = 0; round < WARM_UP_ROUNDS + rounds; round += 1) {
    // A row meets another neighbour each time, and another client first.
    for (let place = 0; place < rows.length; place += 1) {
      const row = rows[(place + round) % rows.length]
      const rates = await Promise.race([measured(row, round % 2 ? ['samewire', 'official'] : ['official', 'samewire']), broken])
      if (round >= WARM_UP_ROUNDS) row.rates.push(rates)
    }
    const counted = round + 1 - WARM_UP_ROUNDS
    console.error(counted > 0 ? `round ${counted} of ${rounds}` : 'warming up')
  }

  const figures = rows.map(({ kind, event, bytes, of, rates }) => ({ kind, event, bytes, of, ...summary(kind, rates), rates }))
  console.log(`\nIn Chromium ${browser.version()}, ${rounds} rounds. Events for each second that the page's thread works, median; how far half of the`)
  console.log('rounds were from it at most; and the median of the rounds\' ratios, samewire/socket.io-client.')
  for (const [index, row] of figures.entries()) printRow(row, figures[index - 1])
  printSummary(figures)
  if (options.json) await writeFile(options.json, `${JSON.stringify({ chromium: browser.version(), rounds, rows: figures }, null, 2)}\n`)
} finally {
  await browser.close()
  await server.close()
  bursts.close()
}

/** How long the page's thread has worked: what else the machine does meanwhile doesn't count. */
async function threadSeconds(devTools) {
  const { metrics } = await devTools.send('Performance.getMetrics')
  return metrics.find(({ name }) => name === 'ThreadTime').value
}

function nameOf({ kind, event, bytes }) {
  return `${kind} ${event} ${bytes}`
}
