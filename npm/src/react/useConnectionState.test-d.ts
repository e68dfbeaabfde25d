import { expectTypeOf, test } from 'vitest'
import { useConnectionState } from './index.js'

test('each status has what there is to know of it', () => {
  const state = useConnectionState()
  if (state.status === 'reconnecting') expectTypeOf(state.retryAt).toBeNumber()
  if (state.status === 'closed') expectTypeOf(state.reason.message).toBeString()
  // @ts-expect-error only while reconnecting
  void state.retryAt
})
