import { defineConfig } from '@playwright/test'

export default defineConfig({
  testDir: 'tests',
  // Pictures for people: npm run screenshots.
  testIgnore: process.env.SCREENSHOTS ? [] : ['screenshots.spec.ts'],
  outputDir: 'test-results',
  fullyParallel: true,
  // Tests wait for pages and servers more than they work.
  workers: 2,
  forbidOnly: !!process.env.CI,
  reporter: 'list',
  // A busy machine is no fault of the page.
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
    trace: 'retain-on-failure',
  },
})
