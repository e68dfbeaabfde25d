// @vitest-environment jsdom
import { render } from '@testing-library/react'
import { Activity } from 'react' // from React 19.2 on
import { renderToString } from 'react-dom/server'
import { expect, test } from 'vitest'
import { SamewireError } from '../error.js'
import { ClientContext } from './ClientContext.js'
import { asClient, FakeClient } from './testing/FakeClient.js'
import { frame, paintByHand, renderWithClient } from './testing/renderWithClient.js'
import { useRoom } from './useRoom.js'

paintByHand()

test('StrictMode joins once, unmounting leaves', async () => {
  const { result, client, unmount } = await renderWithClient(() => useRoom('project:1'))
  expect(client.sent).toEqual(['join project:1'])
  expect(result.current).toMatchObject({ status: 'joined', error: undefined, recovered: true })
  expect(result.current.room?.address).toBe('project:1')
  unmount()
  await frame()
  expect(client.sent).toEqual(['join project:1', 'leave project:1'])
  expect(client.stats).toMatchObject({ listeners: 0, rooms: 0 })
})

test('components in one room join it once', async () => {
  const { client } = await renderWithClient(() => [useRoom('project:1'), useRoom('project:1'), useRoom('project:2')])
  expect(client.sent).toEqual(['join project:1', 'join project:2'])
})

test('asks only for the events it names, however often the list is written anew', async () => {
  const { client, rerender } = await renderWithClient(() => useRoom('project:1', { events: ['session-started'] }))
  rerender()
  await frame()
  expect(client.sent).toEqual(['join project:1 session-started'])
})

test('another room is joined as the old one is left', async () => {
  const { client, rerender, result } = await renderWithClient(({ id }: { id: number }) => useRoom(`project:${id}`), { initialProps: { id: 1 } })
  rerender({ id: 2 })
  await frame()
  expect(client.sent).toEqual(['join project:1', 'join project:2', 'leave project:1'])
  expect(result.current.room?.address).toBe('project:2')
})

test('is idle while it is not wanted', async () => {
  const { client, result, rerender } = await renderWithClient(({ enabled }: { enabled: boolean }) => useRoom('project:1', { enabled }), { initialProps: { enabled: false } })
  expect(result.current.status).toBe('idle')
  expect(client.sent).toEqual([])
  rerender({ enabled: true })
  await frame()
  expect(result.current.status).toBe('joined')
})

test('tells that it is joining, and why it was refused', async () => {
  const client = new FakeClient()
  client.holdJoins = true
  const { result } = await renderWithClient(() => useRoom('project:1'), { client })
  expect(result.current.status).toBe('joining')
  const error = new SamewireError('UNAUTHORIZED', 'not yours')
  await frame(() => client.refuse(error))
  expect(result.current).toMatchObject({ status: 'refused', error, room: undefined })
})

test('who leaves before being let in is out', async () => {
  const client = new FakeClient()
  client.holdJoins = true
  const { unmount } = await renderWithClient(() => useRoom('project:1'), { client })
  unmount()
  await frame(() => client.admit())
  expect(client.stats).toMatchObject({ listeners: 0, rooms: 0 })
})

test('tells what a reconnect could not bring, and when the room is taken away', async () => {
  const { result, client } = await renderWithClient(() => useRoom('project:1'))
  const { handlers } = client.rooms.get('project:1')!
  await frame(() => handlers.call('reset', {}))
  expect(result.current.recovered).toBe(false)
  await frame(() => handlers.call('recovered', { missed: 3 }))
  expect(result.current.recovered).toBe(true)
  await frame(() => handlers.call('removed', new SamewireError('PROJECT_INACTIVE', 'closed')))
  expect(result.current).toMatchObject({ status: 'refused', room: undefined, error: { code: 'PROJECT_INACTIVE' } })
})

test.skipIf(Activity === undefined)('a hidden part of the page leaves, and is back when it is shown', async () => {
  const client = new FakeClient()
  const Status = () => useRoom('project:1').status
  const page = (mode: 'visible' | 'hidden') => (
    <ClientContext.Provider value={asClient(client)}>
      <Activity mode={mode}>
        <Status />
      </Activity>
    </ClientContext.Provider>
  )
  const { rerender, container } = render(page('visible'))
  await frame()
  rerender(page('hidden'))
  await frame()
  expect(client.sent).toEqual(['join project:1', 'leave project:1'])
  rerender(page('visible'))
  await frame()
  rerender(page('visible'))
  await frame()
  expect(client.sent).toEqual(['join project:1', 'leave project:1', 'join project:1'])
  expect(container.textContent).toBe('joined')
})

test('ten thousand rounds leave nothing behind', async () => {
  const client = new FakeClient()
  const { rerender } = await renderWithClient(({ id }: { id: number }) => useRoom(`project:${id}`), { client, initialProps: { id: 0 } })
  for (let id = 1; id <= 10_000; id += 1) rerender({ id })
  await frame()
  expect(client.stats).toMatchObject({ rooms: 1, listeners: 3 })
})

test('on a server it is idle and joins nothing', () => {
  const client = new FakeClient()
  const Status = () => useRoom('project:1').status
  expect(renderToString(<ClientContext.Provider value={asClient(client)}><Status /></ClientContext.Provider>)).toBe('idle')
  expect(client.sent).toEqual([])
})
