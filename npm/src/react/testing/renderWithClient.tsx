import { act, cleanup, renderHook } from '@testing-library/react'
import { StrictMode, type ReactNode } from 'react'
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
    <StrictMode>
      <ClientContext.Provider value={asClient(client)}>{children}</ClientContext.Provider>
    </StrictMode>
  )
  const counting = (props: Props) => {
    shown += 1
    return hook(props)
  }
  const rendered = renderHook(counting, { wrapper, ...(initialProps !== undefined && { initialProps }) })
  await frame()
  /** How often the hook was rendered for what `happens` sets off. StrictMode renders twice each time. */
  const rendersFor = async (happens: () => void) => {
    const before = shown
    await frame(happens)
    return (shown - before) / 2
  }
  return { ...rendered, client, rendersFor }
}
