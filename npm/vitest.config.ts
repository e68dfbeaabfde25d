import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['src/**/*.test.{ts,tsx}', 'tests/**/*.test.{ts,tsx}'],
    typecheck: { include: ['src/**/*.test-d.{ts,tsx}', 'tests/**/*.test-d.{ts,tsx}'] },
  },
  resolve: {
    alias: [{ find: /^samewire$/, replacement: fileURLToPath(new URL('src/index.ts', import.meta.url)) }],
  },
})
