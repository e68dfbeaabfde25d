// @vitest-environment jsdom
import { expect, test } from 'vitest'
import { paintByHand, renderWithClient } from './testing/renderWithClient.js'
import { useConnectionState } from './useConnectionState.js'

paintByHand()

test('follows the client, once a frame however fast it changes', async () => {
  const { result, client, rendersForBurst } = await renderWithClient(useConnectionState)
  expect(result.current).toBe(client.state)

  const reason = { code: 'CONNECT_FAILED', message: 'nobody answers' }
  const renders = await rendersForBurst((attempt) => client.become({ status: 'reconnecting', attempt, retryAt: 0, reason }))
  expect(renders).toBe(1)
  expect(result.current).toMatchObject({ status: 'reconnecting', attempt: 1_000 })
})
