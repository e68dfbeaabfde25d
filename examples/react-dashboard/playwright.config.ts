import { defineConfig } from '@playwright/test'
import browser from '../../npm/tests/browser/playwright.config.js'

/** The example's pages in Chromium, which two people use. */
export default defineConfig(browser, {
  testDir: 'tests',
  // Pictures for people: npm run screenshots.
  testIgnore: process.env.SCREENSHOTS ? [] : ['screenshots.spec.ts'],
  outputDir: 'test-results',
})
