// @vitest-environment jsdom
import { expect, test } from 'vitest'
import { endWithTest, rendersOnServer, renderWithServer } from './testing/renderWithServer.js'
import { useConnectionState } from './useConnectionState.js'

endWithTest()

test('follows the client', async () => {
  const { gives, server, result, client } = renderWithServer(useConnectionState)
  await gives({ status: 'connected', transport: 'websocket' })
  expect(result.current).toBe(client.state)
  server.reachable = false
  server.drop()
  await gives({ status: 'reconnecting', reason: { code: 'CONNECT_FAILED' } })
  server.reachable = true
  await gives({ status: 'connected' })
  server.refuseConnections('TOKEN_INVALID', 'not one of ours')
  server.drop()
  await gives({ status: 'closed', reason: { code: 'TOKEN_INVALID', message: 'not one of ours' } })
})

test('is shown once a frame however fast it changes', async () => {
  const { gives, client, rendersForBurst } = renderWithServer(useConnectionState)
  await gives({ status: 'connected' })
  expect(await rendersForBurst((count) => (count % 2 ? client.disconnect() : client.connect()))).toBe(1)
  await gives({ status: 'connected' })
})

test('is idle on a server', () => {
  expect(rendersOnServer(useConnectionState).result).toEqual({ status: 'idle' })
})
