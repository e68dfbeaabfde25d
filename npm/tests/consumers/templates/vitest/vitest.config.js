export default { test: { setupFiles: 'patience.js', testTimeout: 60_000 } }
