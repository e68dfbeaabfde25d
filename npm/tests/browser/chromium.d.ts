/** How Chromium is started, by tests and benches alike. */
export const launchOptions: { executablePath: string; args: string[] }
