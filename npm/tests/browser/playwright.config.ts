import { defineConfig } from '@playwright/test'
import { launchOptions } from './chromium.js'

/** The built package in Chromium: against the real server, through a network that breaks, and against a hostile one. */
export default defineConfig({
  testDir: '.',
  outputDir: '../../test-results',
  fullyParallel: true,
  // Tests wait for pages and servers more than they work.
  workers: 2,
  forbidOnly: !!process.env.CI,
  reporter: 'list',
  // A busy machine is no fault of the client.
  timeout: 300_000,
  expect: { timeout: 30_000 },
  use: { launchOptions },
})
