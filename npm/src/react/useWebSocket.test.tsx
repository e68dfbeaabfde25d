// @vitest-environment jsdom
import { expect, test, vi } from 'vitest'
import { endWithTest, eventually, rendersOnServer, renderWithServer } from './testing/renderWithServer.js'
import { useWebSocket } from './useWebSocket.js'

endWithTest()

async function webSocket() {
  const rendered = renderWithServer(useWebSocket)
  await rendered.gives({ isConnected: true })
  const sent = () => rendered.server.emits.map(({ event, payload }) => `${event} ${(payload as { room?: string }).room ?? ''}`)
  return { ...rendered, sent }
}

test('says whether events flow; its functions stay the same', async () => {
  const { result, server, gives } = await webSocket()
  const before = result.current
  server.reachable = false
  server.drop()
  await gives({ isConnected: false, state: { status: 'reconnecting' } })
  expect(result.current.emit).toBe(before.emit)
  expect(result.current.joinRoom).toBe(before.joinRoom)
})

test('emits, and subscribes until told otherwise', async () => {
  const { result, server } = await webSocket()
  expect(await result.current.emit('ping', {})).toHaveProperty('timestamp')

  const handler = vi.fn()
  const subscription = result.current.subscribe('pong', handler)
  const pong = (minute: number) => server.send('pong', { timestamp: `2026-01-01T00:0${minute}:00.000Z` })
  pong(1)
  await eventually(() => expect(handler).toHaveBeenCalledOnce())
  subscription.unsubscribe()
  pong(2)
  await result.current.emit('ping', {})
  expect(handler).toHaveBeenCalledOnce()
})

test('joins a room once, by name or address, and leaves it when told or gone', async () => {
  const { result, sent, leavesNothing } = await webSocket()
  await result.current.joinRoom('lobby')
  await result.current.joinRoom('room:lobby')
  await result.current.joinRoom('project:1')
  await result.current.leaveRoom('lobby')
  await eventually(() => expect(sent()).toEqual(['room:join room:lobby', 'room:join project:1', 'room:leave room:lobby']))
  await leavesNothing()
  await eventually(() => expect(sent().at(-1)).toBe('room:leave project:1'))
})

test('a refused join can be tried again', async () => {
  const { result, server } = await webSocket()
  const admit = server.refuseRoom('project:1', 'UNAUTHORIZED', 'not yours')
  await expect(result.current.joinRoom('project:1')).rejects.toMatchObject({ code: 'UNAUTHORIZED' })
  admit()
  await expect(result.current.joinRoom('project:1')).resolves.toMatchObject({ address: 'project:1' })
})

test('is not connected on a server', () => {
  expect(rendersOnServer(useWebSocket).result).toMatchObject({ isConnected: false, state: { status: 'idle' } })
})
