import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

/** Where the café's server listens while Vite serves the page. */
const SERVER = process.env.CAFE_URL ?? 'http://localhost:3000'

export default defineConfig({
  plugins: [react()],
  server: { proxy: { '/token': SERVER, '/socket.io': { target: SERVER, ws: true } } },
})
