import { defineConfig } from '@playwright/test'

export default defineConfig({
  testDir: 'tests',
  forbidOnly: !!process.env.CI,
  reporter: 'list',
  timeout: 120_000,
  // A busy machine is no fault of the page.
  expect: { timeout: 30_000 },
  use: {
    launchOptions: {
      executablePath: process.env.CHROME ?? '/usr/bin/chromium',
      // Chromium refuses to be sandboxed where everything runs as root, as in containers.
      args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update'],
    },
  },
})
