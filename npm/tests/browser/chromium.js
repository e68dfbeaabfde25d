/** How Chromium is started, by tests and benches alike. */
export const launchOptions = {
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
}
