import { act, cleanup, renderHook } from '@testing-library/react'
import type { ReactNode } from 'react'
import { afterEach, beforeEach, vi } from 'vitest'
import { ClientContext } from '../ClientContext.js'
import { asClient, FakeClient } from './FakeClient.js'

/** Frames are painted when a test says so. To be called once in a test file. */
export function paintByHand(): void {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => {
    cleanup()
    vi.useRealTimers()
  })
}

/** Does something, and lets React show what came of it in the next frame. */
export async function frame(happens: () => void = () => {}): Promise<void> {
  await act(async () => {
    happens()
    await settled()
    vi.advanceTimersToNextFrame()
  })
}

/** Lets promises that are due go on. */
async function settled(): Promise<void> {
  await vi.advanceTimersByTimeAsync(0)
}

/** Renders a hook under a provider with a fake client, in StrictMode, and counts what was shown. */
export async function renderWithClient<Result, Props>(
  hook: (props: Props) => Result,
  { client = new FakeClient(), initialProps }: { client?: FakeClient; initialProps?: Props } = {},
) {
  let shown = 0
  const wrapper = ({ children }: { children: ReactNode }) => (
    <ClientContext.Provider value={asClient(client)}>{children}</ClientContext.Provider>
  )
  const counting = (props: Props) => {
    shown += 1
    return hook(props)
  }
  const rendered = renderHook(counting, { reactStrictMode: true, wrapper, ...(initialProps !== undefined && { initialProps }) })
  await frame()
  /**
   * How often the hook is rendered for a thousand changes within one frame. React is left to itself
   * meanwhile: under `act` it would render once whatever the hook does.
   */
  const rendersForBurst = async (change: (count: number) => void) => {
    const before = shown
    await unobserved(async () => {
      for (let count = 1; count <= 1_000; count += 1) {
        change(count)
        // React renders a store's change in the next microtask.
        await Promise.resolve()
      }
      vi.advanceTimersToNextFrame()
    })
    await frame()
    // StrictMode renders twice each time.
    return (shown - before) / 2
  }
  return { ...rendered, client, rendersForBurst }
}

async function unobserved(work: () => Promise<void>): Promise<void> {
  const environment = globalThis as { IS_REACT_ACT_ENVIRONMENT?: boolean }
  environment.IS_REACT_ACT_ENVIRONMENT = false
  await work()
  environment.IS_REACT_ACT_ENVIRONMENT = true
}
