import { defineConfig } from '@playwright/test'
import browser from '../browser/playwright.config.js'

/** The packed package, installed where a stranger would: each consumer is built and run. */
export default defineConfig(browser, {
  testDir: '.',
  outputDir: '../../test-results/consumers',
  // Each installs what it needs first.
  timeout: 300_000,
})
