import react from '@vitejs/plugin-react'
import { defineConfig } from 'vitest/config'
import { contentSecurityPolicy } from './contentSecurityPolicy.ts'

/** Where `samewire-server --demo` listens while the app is served by Vite. */
const SERVER = process.env.SAMEWIRE_URL ?? 'http://localhost:3000'

export default defineConfig({
  // Relative, so that the built app works under whatever path a server mounts it at.
  base: './',
  plugins: [react(), contentSecurityPolicy()],
  build: { target: 'es2022' },
  server: {
    proxy: {
      '/api': SERVER,
      '/demo': SERVER,
      '/socket.io': { target: SERVER, ws: true },
    },
  },
  test: { environment: 'jsdom', include: ['src/**/*.test.{ts,tsx}'], testTimeout: 60_000 },
})
