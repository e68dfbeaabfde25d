import { defineConfig } from '@playwright/test'

/** The built package in Chromium: against the real server, through a network that breaks, and against a hostile one. */
export default defineConfig({
  testDir: '.',
  outputDir: '../../test-results',
  fullyParallel: true,
  workers: 2,
  forbidOnly: !!process.env.CI,
  reporter: 'list',
  timeout: 60_000,
  // A busy machine is no fault of the client.
  expect: { timeout: 15_000 },
  use: {
    launchOptions: {
      executablePath: process.env.CHROME ?? '/usr/bin/chromium',
      args: [
        // Chromium refuses to be sandboxed where everything runs as root, as in containers.
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        // It would call out.
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    },
  },
})
