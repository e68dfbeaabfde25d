// @vitest-environment jsdom
import { expect, test, vi } from 'vitest'
import { endWithTest, eventually, rendersOnServer, renderWithServer, testServer } from './testing/renderWithServer.js'
import { useTyping } from './useTyping.js'

endWithTest()

const ROOM = 'conversation:1'

async function conversation() {
  const server = testServer()
  server.on('typing:start', ({ conversationId }) => ({ conversationId }))
  server.on('typing:stop', ({ conversationId }) => ({ conversationId }))
  const rendered = renderWithServer(() => useTyping({ conversationId: '1' }), { server })
  await eventually(() => expect(server.users(ROOM)).toHaveLength(1))
  // They are no part of the room's log.
  const starts = (userId: string) => server.send('typing:start', { conversationId: '1', userId })
  const stops = (userId: string) => server.send('typing:stop', { conversationId: '1', userId })
  const said = () => server.emits.map(({ event }) => event).filter((event) => event.startsWith('typing'))
  return { ...rendered, starts, stops, said }
}

test('tells who else types, by what is known of them', async () => {
  const { server, gives, starts, stops } = await conversation()
  server.present(ROOM, { userId: 'grace', name: 'Grace Hopper' })
  starts('grace')
  starts('alan')
  starts('ada')
  await gives({ typing: [{ userId: 'grace', name: 'Grace Hopper' }, { userId: 'alan' }] })
  stops('grace')
  await gives({ typing: [{ userId: 'alan' }] })
})

test('hears it as the server tells it, outside of the room\'s log, and of this conversation alone', async () => {
  const { server, gives } = await conversation()
  server.send('typing:start', { conversationId: '2', userId: 'alan' })
  server.send('typing:start', { conversationId: '1', userId: 'grace' })
  await gives({ typing: [{ userId: 'grace' }] })
  server.send('typing:stop', { conversationId: '1', userId: 'grace' })
  await gives({ typing: [] })
})

test('is the same array until somebody begins or stops', async () => {
  const { result, starts, gives, painted } = await conversation()
  starts('grace')
  await gives({ typing: [{ userId: 'grace' }] })
  const { typing } = result.current
  starts('grace')
  await painted()
  expect(result.current.typing).toBe(typing)
})

test('a burst is shown once', async () => {
  const { result, rendersForBurst, starts } = await conversation()
  expect(await rendersForBurst((count) => starts(`user ${count}`))).toBe(1)
  expect(result.current.typing).toHaveLength(200)
})

test('nobody types while nothing is heard; afterwards those do of whom it is told', async () => {
  const { server, gives } = await conversation()
  const types = (userId: string) => server.send('typing:start', { conversationId: '1', userId })
  types('grace')
  types('alan')
  await gives({ typing: { length: 2 } })
  server.reachable = false
  server.drop()
  await gives({ typing: { length: 0 } })
  server.reachable = true
  await eventually(() => expect(server.connections).toBe(1))
  types('alan')
  await gives({ typing: [{ userId: 'alan' }] })
})

test('says now and then that one types, and by itself that one stopped', async () => {
  const { result, said } = await conversation()
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] })
  const keys = async (count: number) => {
    for (let key = 0; key < count; key += 1) {
      result.current.start()
      await vi.advanceTimersByTimeAsync(100)
    }
  }
  await keys(10)
  expect(said()).toEqual(['typing:start'])
  await keys(30)
  expect(said()).toEqual(['typing:start', 'typing:start'])
  await vi.advanceTimersByTimeAsync(5_000)
  expect(said()).toEqual(['typing:start', 'typing:start', 'typing:stop'])
  result.current.stop()
  expect(said(), 'once').toHaveLength(3)
})

test('who has sent what they typed has stopped, and so has who is gone', async () => {
  const { result, said, leavesNothing } = await conversation()
  result.current.start()
  result.current.stop()
  result.current.start()
  await leavesNothing()
  await eventually(() => expect(said()).toEqual(['typing:start', 'typing:stop', 'typing:start', 'typing:stop']))
})

test('what is typed offline is not told later', async () => {
  const { server, result, said, painted } = await conversation()
  server.reachable = false
  server.drop()
  result.current.start()
  server.reachable = true
  await painted()
  expect(said()).toEqual([])
})

test('on a server nobody types', () => {
  expect(rendersOnServer(() => useTyping({ conversationId: '1' })).result).toMatchObject({ typing: [] })
})
