// @vitest-environment jsdom
import { expect, test, vi } from 'vitest'
import { endWithTest, eventually, rendersOnServer, renderWithServer } from './testing/renderWithServer.js'
import { useEvent } from './useEvent.js'
import { useRoom } from './useRoom.js'

endWithTest()

const started = (sessionId: string) => ({ sessionId, externalUserId: 'visitor', timestamp: '2026-01-01T00:00:00.000Z' })
const pong = { timestamp: '2026-01-01T00:00:00.000Z' }
const connected = (client: { state: { status: string } }) => eventually(() => expect(client.state.status).toBe('connected'))

test('calls the newest handler without subscribing again', async () => {
  const heard: string[] = []
  const { client, server, rerender, leavesNothing } = renderWithServer(
    ({ name }: { name: string }) => useEvent('pong', () => heard.push(name)),
    { initialProps: { name: 'first' } },
  )
  await connected(client)
  const on = vi.spyOn(client, 'on')
  server.send('pong', pong)
  await eventually(() => expect(heard).toEqual(['first']))
  rerender({ name: 'second' })
  server.send('pong', pong)
  await eventually(() => expect(heard).toEqual(['first', 'second']))
  expect(on).not.toHaveBeenCalled()
  await leavesNothing()
})

test('hears one room alone, by address', async () => {
  const heard: string[] = []
  const { server, gives } = renderWithServer(() => {
    useEvent('session-started', ({ sessionId }) => heard.push(sessionId), { room: 'project:1' })
    return [useRoom('project:1').status, useRoom('project:2').status]
  })
  await gives(['joined', 'joined'])
  server.deliver('project:2', 'session-started', started('b'))
  server.deliver('project:1', 'session-started', started('a'))
  await eventually(() => expect(heard).toEqual(['a']))
})

test('hears nothing until the room is there, then what the room tells', async () => {
  const handler = vi.fn()
  const { server, gives } = renderWithServer(() => {
    const { room, status } = useRoom('project:1')
    useEvent('reset', handler, { room })
    return { status }
  })
  await gives({ status: 'joined' })
  expect(handler).not.toHaveBeenCalled()
  server.restart()
  await eventually(() => expect(handler).toHaveBeenCalledOnce())
})

test('hears what the client itself tells', async () => {
  const faults: string[] = []
  const { server, client, painted } = renderWithServer(() => useEvent('protocol-error', ({ event, path }) => faults.push(`${event} ${path}`)))
  await connected(client)
  server.send('pong', {} as typeof pong)
  await painted()
  expect(faults).toEqual(['pong timestamp'])
})

test('on a server nothing is heard', () => {
  rendersOnServer(() => useEvent('pong', () => {}))
})
