// @vitest-environment jsdom
import { expect, test, vi } from 'vitest'
import { SamewireError } from '../error.js'
import { FakeClient } from './testing/FakeClient.js'
import { frame, paintByHand, renderWithClient } from './testing/renderWithClient.js'
import { useWebSocket } from './useWebSocket.js'

paintByHand()

test('says whether events flow; its functions stay the same', async () => {
  const { result, client } = await renderWithClient(useWebSocket)
  const before = result.current
  expect(before.isConnected).toBe(true)
  await frame(() => client.become({ status: 'connecting' }))
  expect(result.current).toMatchObject({ isConnected: false, state: { status: 'connecting' } })
  expect(result.current.emit).toBe(before.emit)
  expect(result.current.joinRoom).toBe(before.joinRoom)
})

test('emits, and subscribes until told otherwise', async () => {
  const { result, client } = await renderWithClient(useWebSocket)
  await result.current.emit('ping', {})
  expect(client.sent).toEqual(['ping {}'])

  const handler = vi.fn()
  const subscription = result.current.subscribe('pong', handler)
  client.receive('pong', { timestamp: 'now' })
  subscription.unsubscribe()
  client.receive('pong', { timestamp: 'later' })
  expect(handler.mock.calls).toEqual([[{ timestamp: 'now' }, {}]])
})

test('joins a room once, by name or address, and leaves it when told or gone', async () => {
  const { result, client, unmount } = await renderWithClient(useWebSocket)
  await result.current.joinRoom('lobby')
  await result.current.joinRoom('room:lobby')
  await result.current.joinRoom('project:1')
  await result.current.leaveRoom('lobby')
  expect(client.sent).toEqual(['join room:lobby', 'join project:1', 'leave room:lobby'])
  unmount()
  await frame()
  expect(client.sent.at(-1)).toBe('leave project:1')
  expect(client.stats).toMatchObject({ listeners: 0, rooms: 0 })
})

test('a refused join can be tried again', async () => {
  const client = new FakeClient()
  const { result } = await renderWithClient(useWebSocket, { client })
  client.holdJoins = true
  const join = result.current.joinRoom('project:1')
  const refusal = expect(join).rejects.toMatchObject({ code: 'UNAUTHORIZED' })
  client.refuse(new SamewireError('UNAUTHORIZED', 'not yours'))
  await refusal
  client.holdJoins = false
  await expect(result.current.joinRoom('project:1')).resolves.toMatchObject({ address: 'project:1' })
})
