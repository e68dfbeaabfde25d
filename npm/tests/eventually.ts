import { vi } from 'vitest'

/** Looks until it holds, every so many milliseconds. What it takes on a busy machine is nobody's fault. */
export function eventually<T>(look: () => T | Promise<T>, interval = 50): Promise<T> {
  return vi.waitFor(look, { timeout: 30_000, interval })
}
