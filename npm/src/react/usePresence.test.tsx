// @vitest-environment jsdom
import { expect, test } from 'vitest'
import type { User } from '../protocol.js'
import { frame, paintByHand, renderWithClient } from './testing/renderWithClient.js'
import { usePresence } from './usePresence.js'

paintByHand()

const user = (userId: string, status: User['status'] = 'online'): User => ({
  userId,
  status,
  connections: 1,
  joinedAt: '2026-01-01T00:00:00.000Z',
  lastActiveAt: '2026-01-01T00:00:00.000Z',
})

async function inLobby() {
  const rendered = await renderWithClient(() => usePresence({ roomId: 'lobby' }))
  const presence = rendered.client.rooms.get('room:lobby')!.presence
  const [ada, bob] = [user('ada'), user('bob')]
  await frame(() => presence.become([ada, bob]))
  return { ...rendered, presence, ada, bob }
}

test('tells oneself from the others', async () => {
  const { result, ada, bob } = await inLobby()
  expect(result.current).toMatchObject({ users: [ada, bob], others: [bob], self: ada, onlineCount: 2 })
})

test('the others stay the same array while only oneself changes', async () => {
  const { result, presence, bob } = await inLobby()
  const { others } = result.current
  await frame(() => presence.become([user('ada', 'busy'), bob]))
  expect(result.current.self?.status).toBe('busy')
  expect(result.current.others).toBe(others)
})

test('a burst of changes is shown once', async () => {
  const { presence, rendersForBurst, bob } = await inLobby()
  expect(await rendersForBurst(() => presence.become([user('ada'), bob]))).toBe(1)
})

test('says how one is', async () => {
  const { result, client } = await inLobby()
  const { setStatus, setState } = result.current
  await setStatus('away')
  await setState({ cursor: 7 })
  expect(client.sent).toEqual([
    'join room:lobby',
    'presence:update {"room":"room:lobby","status":"away"}',
    'presence:update {"room":"room:lobby","state":{"cursor":7}}',
  ])
})
