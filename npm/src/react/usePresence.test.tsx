// @vitest-environment jsdom
import { expect, test } from 'vitest'
import { endWithTest, eventually, rendersOnServer, renderWithServer } from './testing/renderWithServer.js'
import { usePresence } from './usePresence.js'

endWithTest()

const ROOM = 'room:lobby'

async function lobby() {
  const rendered = renderWithServer(() => usePresence({ roomId: 'lobby' }))
  await rendered.gives({ onlineCount: 1 })
  rendered.server.present(ROOM, { userId: 'bob' })
  await rendered.gives({ onlineCount: 2 })
  return rendered
}

test('tells oneself from the others', async () => {
  const { gives, server } = await lobby()
  await gives({ users: [{ userId: 'ada' }, { userId: 'bob' }], others: [{ userId: 'bob' }], self: { userId: 'ada' }, onlineCount: 2 })
  server.absent(ROOM, 'bob')
  await gives({ others: [], onlineCount: 1 })
})

test('the others stay the same array while only oneself changes', async () => {
  const { result, gives } = await lobby()
  const { others } = result.current
  await result.current.setStatus('busy')
  await gives({ self: { status: 'busy' } })
  expect(result.current.others).toBe(others)
})

test('says how one is, and what one does', async () => {
  const { result, server, gives } = await lobby()
  await result.current.setStatus('away')
  await result.current.setState({ cursor: 7 })
  await gives({ self: { status: 'away', state: { cursor: 7 } } })
  expect(server.emits.slice(1)).toEqual([
    { event: 'presence:update', payload: { room: ROOM, status: 'away' }, userId: 'ada' },
    { event: 'presence:update', payload: { room: ROOM, state: { cursor: 7 } }, userId: 'ada' },
  ])
})

test('a burst of changes is shown once', async () => {
  const { result, server, rendersForBurst } = await lobby()
  expect(await rendersForBurst((count) => void server.present(ROOM, { userId: 'bob', state: { cursor: count } }))).toBe(1)
  expect(result.current.others[0]?.state).toEqual({ cursor: 200 })
})

test('is right again after a lost connection', async () => {
  const { server, gives } = await lobby()
  server.drop()
  server.absent(ROOM, 'bob')
  server.present(ROOM, { userId: 'carol' })
  await gives({ others: [{ userId: 'carol' }], self: { userId: 'ada' } })
})

test('leaves with the component; nobody is there on a server', async () => {
  const { leavesNothing, server } = await lobby()
  await leavesNothing()
  await eventually(() => expect(server.users(ROOM).map(({ userId }) => userId)).toEqual(['bob']))
  expect(rendersOnServer(() => usePresence({ roomId: 'lobby' })).result).toMatchObject({ users: [], others: [], self: undefined, onlineCount: 0 })
})
