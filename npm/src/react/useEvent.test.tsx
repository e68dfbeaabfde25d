// @vitest-environment jsdom
import { expect, test, vi } from 'vitest'
import type { Room } from '../types.js'
import { frame, paintByHand, renderWithClient } from './testing/renderWithClient.js'
import { useEvent } from './useEvent.js'
import { useRoom } from './useRoom.js'

paintByHand()

test('calls the newest handler without subscribing again', async () => {
  const heard: string[] = []
  const { client, rerender, unmount } = await renderWithClient(
    ({ name }: { name: string }) => useEvent('pong', () => heard.push(name)),
    { initialProps: { name: 'first' } },
  )
  const on = vi.spyOn(client, 'on')
  client.receive('pong', {})
  rerender({ name: 'second' })
  client.receive('pong', {})
  expect(heard).toEqual(['first', 'second'])
  expect(on).not.toHaveBeenCalled()
  unmount()
  expect(client.stats.listeners).toBe(0)
})

test('hears one room alone, by address', async () => {
  const handler = vi.fn()
  const { client } = await renderWithClient(() => useEvent('session-started', handler, { room: 'project:1' }))
  client.receive('session-started', 1, 'project:1')
  client.receive('session-started', 2, 'project:2')
  expect(handler).toHaveBeenCalledOnce()
})

test('hears nothing until the room is there, then what the room tells', async () => {
  const handler = vi.fn()
  const { client } = await renderWithClient(() => {
    const { room } = useRoom('project:1')
    useEvent('reset', handler, { room })
    return room as Room | undefined
  })
  client.receive('reset', {})
  expect(handler).not.toHaveBeenCalled()
  await frame(() => client.rooms.get('project:1')!.handlers.call('reset', {}))
  expect(handler).toHaveBeenCalledOnce()
})
