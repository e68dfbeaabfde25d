// @vitest-environment jsdom
import { render } from '@testing-library/react'
import { Activity } from 'react' // from React 19.2 on
import { expect, test } from 'vitest'
import { ClientContext } from './ClientContext.js'
import { endWithTest, eventually, rendersOnServer, renderWithServer, testServer } from './testing/renderWithServer.js'
import { useRoom } from './useRoom.js'

endWithTest()

/** What went out: joins and leaves, with the events that were asked for. */
const sent = (server: ReturnType<typeof testServer>) =>
  server.emits.map(({ event, payload }) => {
    const { room, events = [] } = payload as { room: string; events?: string[] }
    return [event.replace('room:', ''), room, ...events].join(' ')
  })

test('StrictMode joins once, unmounting leaves', async () => {
  const server = testServer()
  const client = server.createClient()
  // From then on a join goes out at once.
  await eventually(() => expect(client.state.status).toBe('connected'))
  const { result, gives, leavesNothing } = renderWithServer(() => useRoom('project:1'), { server, client })
  expect(result.current).toEqual({ room: undefined, status: 'joining', error: undefined, recovered: true })
  await gives({ status: 'joined', error: undefined, recovered: true })
  expect(result.current.room?.address).toBe('project:1')
  expect(sent(server)).toEqual(['join project:1'])
  await leavesNothing()
  await eventually(() => expect(sent(server)).toEqual(['join project:1', 'leave project:1']))
})

test('components in one room join it once', async () => {
  const { server, gives } = renderWithServer(() => [useRoom('project:1').status, useRoom('project:1').status, useRoom('project:2').status])
  await gives(['joined', 'joined', 'joined'])
  expect(sent(server)).toEqual(['join project:1', 'join project:2'])
})

test('asks only for the events it names, however often the list is written anew', async () => {
  const { server, rerender, gives, painted } = renderWithServer(() => useRoom('project:1', { events: ['session-started'] }))
  await gives({ status: 'joined' })
  rerender()
  await painted()
  expect(sent(server)).toEqual(['join project:1 presence:update session-started'])
})

test('another room is joined as the old one is left', async () => {
  const { server, rerender, result } = renderWithServer(({ id }: { id: number }) => useRoom(`project:${id}`), { initialProps: { id: 1 } })
  const isIn = (address: string) => eventually(() => expect(result.current.room?.address).toBe(address))
  await isIn('project:1')
  rerender({ id: 2 })
  await isIn('project:2')
  expect(sent(server).sort()).toEqual(['join project:1', 'join project:2', 'leave project:1'])
})

test('is idle while it is not wanted', async () => {
  const { server, result, rerender, gives, painted } = renderWithServer(({ enabled }: { enabled: boolean }) => useRoom('project:1', { enabled }), { initialProps: { enabled: false } })
  await painted()
  expect(result.current.status).toBe('idle')
  expect(sent(server)).toEqual([])
  rerender({ enabled: true })
  await gives({ status: 'joined' })
})

test('tells why it was refused', async () => {
  const server = testServer()
  server.refuseRoom('project:1', 'UNAUTHORIZED', 'not yours')
  const { gives } = renderWithServer(() => useRoom('project:1'), { server })
  await gives({ status: 'refused', error: { code: 'UNAUTHORIZED', message: 'not yours' }, room: undefined })
})

test('who leaves before being let in is out', async () => {
  const server = testServer()
  const { client, unmount, painted } = renderWithServer(() => useRoom('project:1'), { server })
  await painted()
  server.freeze()
  unmount()
  server.thaw()
  await painted()
  expect(client.stats.rooms).toBe(0)
  expect(server.users('project:1')).toEqual([])
})

test('tells what a reconnect could not bring, and when the room is taken away', async () => {
  const { server, gives } = renderWithServer(() => useRoom('project:1'))
  await gives({ status: 'joined' })
  server.restart()
  await gives({ status: 'joined', recovered: false })
  server.drop()
  await gives({ recovered: true })
  server.refuseRoom('project:1', 'PROJECT_INACTIVE')
  await gives({ status: 'refused', room: undefined, error: { code: 'PROJECT_INACTIVE' } })
})

test.skipIf(Activity === undefined)('a hidden part of the page leaves, and is back when it is shown', async () => {
  const server = testServer()
  const client = server.createClient()
  const Status = () => useRoom('project:1').status
  const page = (mode: 'visible' | 'hidden') => (
    <ClientContext.Provider value={client}>
      <Activity mode={mode}>
        <Status />
      </Activity>
    </ClientContext.Provider>
  )
  const { rerender, container } = render(page('visible'))
  const hasSent = (...expected: string[]) => eventually(() => expect(sent(server)).toEqual(expected))
  await hasSent('join project:1')
  rerender(page('hidden'))
  await hasSent('join project:1', 'leave project:1')
  rerender(page('visible'))
  await hasSent('join project:1', 'leave project:1', 'join project:1')
  rerender(page('visible'))
  await eventually(() => expect(container.textContent).toBe('joined'))
})

test('a thousand rooms, one after the other, leave nothing behind', { timeout: 120_000 }, async () => {
  const { client, rerender, gives, leavesNothing } = renderWithServer(({ id }: { id: number }) => useRoom(`project:${id}`), { initialProps: { id: 0 } })
  await gives({ status: 'joined' })
  const before = client.stats
  for (let id = 1; id <= 1_000; id += 1) rerender({ id })
  await gives({ room: { address: 'project:1000' } })
  await eventually(() => expect({ ...client.stats, timers: 1 }).toEqual({ ...before, timers: 1 }))
  await leavesNothing()
})

test('on a server it is idle and joins nothing', () => {
  const { result, server } = rendersOnServer(() => useRoom('project:1'))
  expect(result.status).toBe('idle')
  expect(server.emits).toEqual([])
})
