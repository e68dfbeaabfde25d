import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url))

const SAMEWIRE = [
  // The entry that has its WebAssembly with it: jsdom fetches no files.
  { find: /^samewire$/, replacement: path('src/index.node.ts') },
  { find: /^samewire\/(react|testing)$/, replacement: path('src/$1/index.ts') },
]

/** The older React, under the names of the newest. */
const REACT_18 = [
  { find: /^(react|react-dom)$/, replacement: path('../npm-peers/react-18/node_modules/$1/index.js') },
  { find: /^(react|react-dom)\/([\w-]+)$/, replacement: path('../npm-peers/react-18/node_modules/$1/$2.js') },
  // As a module, so that it is given that React, too.
  { find: /^@testing-library\/react$/, replacement: path('../node_modules/@testing-library/react/dist/@testing-library/react.esm.js') },
]

export default defineConfig({
  test: {
    // Vitest's own choice but on a machine with two processors, of which it would leave one idle.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    projects: [
      {
        test: {
          name: 'samewire',
          testTimeout: 60_000,
          hookTimeout: 60_000,
          setupFiles: [path('tests/readme/patience.ts')],
          include: ['src/**/*.test.{ts,tsx}', 'tests/**/*.test.{ts,tsx}'],
          env: { REACT_MAJOR: '19' },
          typecheck: { enabled: true, include: ['src/**/*.test-d.{ts,tsx}', 'tests/**/*.test-d.{ts,tsx}'] },
        },
        resolve: { alias: SAMEWIRE },
      },
      {
        test: {
          name: 'react 18',
          testTimeout: 60_000,
          hookTimeout: 60_000,
          setupFiles: [path('tests/readme/patience.ts')],
          include: ['src/react/**/*.test.tsx', 'tests/readme/*.test.tsx'],
          env: { REACT_MAJOR: '18' },
          server: { deps: { inline: [/@testing-library\/react/] } },
        },
        resolve: { alias: [...SAMEWIRE, ...REACT_18] },
      },
    ],
  },
})
