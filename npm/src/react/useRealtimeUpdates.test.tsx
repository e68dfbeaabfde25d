// @vitest-environment jsdom
import { expect, test, vi } from 'vitest'
import { endWithTest, eventually, rendersOnServer, renderWithServer } from './testing/renderWithServer.js'
import { WorkspaceServer } from './testing/workspaceServer.js'
import { useRealtimeUpdates, type RealtimeUpdatesOptions } from './useRealtimeUpdates.js'

endWithTest()

interface Task {
  id: string
  title: string
  done?: boolean
}

const item = (id: string, title: string, version = 1) => ({ id, version, data: { title } })
const BOARD = { entity: 'tasks', roomId: 'board' }

/** A board with two tasks, once it is shown. */
async function board(options: Partial<RealtimeUpdatesOptions<Task>> = {}) {
  const workspace = new WorkspaceServer([item('1', 'Buy beans'), item('2', 'Roast')])
  const rendered = renderWithServer(() => useRealtimeUpdates<Task>({ ...BOARD, ...options }), workspace)
  const titles = () => rendered.result.current.state.items.map(({ title }) => title)
  const shows = (...expected: string[]) => eventually(() => expect(titles()).toEqual(expected))
  await shows('Buy beans', 'Roast')
  return { ...rendered, workspace, titles, shows, sendUpdate: rendered.result.current.sendUpdate }
}

const change = (id: string, title: string) => ({ entity: 'tasks', action: 'update' as const, id, data: { title } })

test('starts from the snapshot, goes on with the log', async () => {
  const { workspace, shows, result, server } = await board()
  expect(result.current.state).toMatchObject({ status: 'joined', error: undefined, items: [{ id: '1' }, { id: '2' }] })
  workspace.update(change('2', 'Roast slowly'))
  workspace.update({ entity: 'tasks', action: 'create', id: '3', data: { title: 'Grind' } })
  workspace.update({ entity: 'notes', action: 'create', id: '4', data: { title: 'of another kind' } })
  workspace.update({ entity: 'tasks', action: 'delete', id: '1' })
  await shows('Roast slowly', 'Grind')
  expect(server.emits.map(({ event }) => event), 'StrictMode joins and reads once').toEqual(['room:join', 'data:snapshot'])
})

test('what changes while the snapshot is read is neither lost nor applied twice', async () => {
  const workspace = new WorkspaceServer([item('1', 'Buy beans')])
  let letRead = () => {}
  workspace.reading = new Promise((resolve) => (letRead = resolve))
  const told: string[] = []
  const onUpdate = ({ title }: { title: string }) => told.push(title)
  const { gives, result } = renderWithServer(() => useRealtimeUpdates<Task>({ ...BOARD, onUpdate }), workspace)
  await eventually(() => expect(workspace.server.emits.at(-1)?.event).toBe('data:snapshot'))
  expect(result.current.state.status).toBe('joining')
  workspace.update(change('1', 'Buy more beans'))
  letRead()
  await gives({ state: { status: 'joined', items: [{ title: 'Buy more beans' }] } })
  expect(told).toEqual(['Buy more beans'])
})

test('what the snapshot has already isn’t told as a change', async () => {
  const workspace = new WorkspaceServer([item('1', 'Buy beans')])
  workspace.readsLate = true
  let letRead = () => {}
  workspace.reading = new Promise((resolve) => (letRead = resolve))
  const told: string[] = []
  const onUpdate = ({ title }: { title: string }) => told.push(title)
  const { gives } = renderWithServer(() => useRealtimeUpdates<Task>({ ...BOARD, onUpdate }), workspace)
  await eventually(() => expect(workspace.server.emits.at(-1)?.event).toBe('data:snapshot'))
  workspace.update(change('1', 'Before'))
  letRead()
  await gives({ state: { status: 'joined', items: [{ title: 'Before' }] } })
  workspace.update(change('1', 'After'))
  await gives({ state: { items: [{ title: 'After' }] } })
  expect(told).toEqual(['After'])
})

test('applies at once, and says what was stored', async () => {
  const { sendUpdate, workspace, shows, server, titles, renders, painted } = await board()
  server.freeze()
  const created = sendUpdate('create', { title: 'Grind' })
  void sendUpdate('update', { id: '1', done: true })
  void sendUpdate('delete', { id: '2' })
  await shows('Buy beans', 'Grind')
  server.thaw()
  const { id } = await created
  await eventually(() => expect([...workspace.items.values()]).toEqual([
    { id: '1', version: 2, data: { title: 'Buy beans', done: true } },
    { id, version: 1, data: { title: 'Grind' } },
  ]))
  const before = renders()
  await painted()
  expect(titles()).toEqual(['Buy beans', 'Grind'])
  expect(renders(), 'hearing of one’s own changes shows nothing new').toBe(before)
})

test('changes of one item go out one after the other, each a change of what the one before made', async () => {
  const { sendUpdate, workspace, server } = await board()
  await Promise.all([sendUpdate('update', { id: '1', title: 'Buy' }), sendUpdate('update', { id: '1', done: true }), sendUpdate('update', { id: '1', title: 'Bought' })])
  expect(workspace.items.get('1')).toEqual({ id: '1', version: 4, data: { title: 'Bought', done: true } })
  const bases = server.emits.filter(({ event }) => event === 'data:update').map(({ payload }) => (payload as { baseVersion?: number }).baseVersion)
  expect(bases).toEqual([1, 2, 3])
})

test('takes back what is refused, and says why', async () => {
  const { sendUpdate, server, shows, result, gives } = await board()
  const admit = server.refuse('data:update', 'ACCESS_DENIED', 'read only')
  server.freeze()
  const refused = expect(sendUpdate('update', { id: '1', title: 'Mine' })).rejects.toMatchObject({ code: 'ACCESS_DENIED' })
  await shows('Mine', 'Roast')
  server.thaw()
  await refused
  await shows('Buy beans', 'Roast')
  expect(result.current.state).toMatchObject({ status: 'joined', error: { code: 'ACCESS_DENIED', message: 'read only' } })
  admit()
  await sendUpdate('update', { id: '1', title: 'Mine' })
  await gives({ state: { error: undefined } })
})

test('a conflict shows what somebody else made of it, before the room tells', async () => {
  const { sendUpdate, workspace, server, shows, result } = await board()
  workspace.hold()
  workspace.update(change('1', 'Theirs'))
  server.freeze()
  const conflict = expect(sendUpdate('update', { id: '1', title: 'Mine' })).rejects.toMatchObject({
    code: 'CONFLICT',
    current: { id: '1', version: 2, data: { title: 'Theirs' } },
  })
  await shows('Mine', 'Roast')
  server.thaw()
  await conflict
  await shows('Theirs', 'Roast')
  expect(result.current.state.error).toMatchObject({ code: 'CONFLICT' })
  workspace.letThrough()
  await sendUpdate('update', { id: '1', title: 'Mine after all' })
  await shows('Mine after all', 'Roast')
})

test('what is deleted by somebody else isn’t brought back by changing it', async () => {
  const { sendUpdate, workspace, server, shows } = await board()
  server.freeze()
  const late = expect(sendUpdate('update', { id: '1', title: 'Mine' })).rejects.toMatchObject({ code: 'NOT_FOUND' })
  await shows('Mine', 'Roast')
  workspace.update({ entity: 'tasks', action: 'delete', id: '1' })
  server.thaw()
  await late
  await shows('Roast')
})

test('what is changed offline is shown, and arrives when there is a connection again', async () => {
  const { sendUpdate, workspace, server, shows } = await board()
  server.reachable = false
  server.drop()
  const stored = sendUpdate('update', { id: '1', title: 'Offline' })
  await shows('Offline', 'Roast')
  workspace.update(change('2', 'Theirs'))
  server.reachable = true
  await stored
  await shows('Offline', 'Theirs')
  expect(workspace.items.get('1')?.version).toBe(2)
})

test('reads the snapshot anew when what was missed is lost', async () => {
  const { workspace, server, shows } = await board()
  server.reachable = false
  server.drop()
  workspace.update(change('1', 'Missed'))
  workspace.update({ entity: 'tasks', action: 'delete', id: '2' })
  server.reachable = true
  server.restart()
  await shows('Missed')
  expect(server.emits.filter(({ event }) => event === 'data:snapshot')).toHaveLength(2)
  workspace.update(change('1', 'And on'))
  await shows('And on')
})

test('tries again to read what could not be read, unless it is refused for good', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  const workspace = new WorkspaceServer([item('1', 'Buy beans')])
  const admit = workspace.server.refuse('data:snapshot', 'UNAVAILABLE')
  const { result } = renderWithServer(() => useRealtimeUpdates<Task>(BOARD), workspace)
  await eventually(() => expect(result.current.state).toMatchObject({ status: 'joining', error: { code: 'UNAVAILABLE' } }))
  admit()
  await vi.advanceTimersByTimeAsync(1_000)
  await eventually(() => expect(result.current.state).toMatchObject({ status: 'joined', error: undefined, items: [{ id: '1' }] }))

  const other = new WorkspaceServer()
  other.server.refuse('data:snapshot', 'ACCESS_DENIED')
  const refused = renderWithServer(() => useRealtimeUpdates<Task>(BOARD), other)
  await eventually(() => expect(refused.result.current.state).toMatchObject({ status: 'refused', error: { code: 'ACCESS_DENIED' } }))
  await expect(refused.result.current.sendUpdate('update', { id: '1', title: 'x' })).rejects.toMatchObject({ code: 'ACCESS_DENIED' })
})

test('tells of each change once, by the newest handlers', async () => {
  const told: string[] = []
  const handlers = (name: string) => ({
    onCreate: ({ title }: { title: string }) => told.push(`${name} + ${title}`),
    onUpdate: ({ title }: { title: string }) => told.push(`${name} ~ ${title}`),
    onDelete: ({ id }: { id: string }) => told.push(`${name} - ${id}`),
  })
  const workspace = new WorkspaceServer([item('1', 'Buy beans')])
  const { rerender, gives } = renderWithServer(({ name }: { name: string }) => useRealtimeUpdates<Task>({ ...BOARD, ...handlers(name) }), { ...workspace, initialProps: { name: 'a' } })
  await gives({ state: { status: 'joined' } })
  workspace.update({ entity: 'tasks', action: 'create', id: '2', data: { title: 'Roast' } })
  await gives({ state: { items: { length: 2 } } })
  rerender({ name: 'b' })
  workspace.update(change('2', 'Roast slowly'))
  workspace.update({ entity: 'tasks', action: 'delete', id: '1' })
  await gives({ state: { items: { length: 1 } } })
  expect(told).toEqual(['a + Roast', 'b ~ Roast slowly', 'b - 1'])
})

test('an item stays the same object until it changes; a burst is shown once', async () => {
  const { workspace, result, rendersForBurst } = await board()
  const [first] = result.current.state.items
  expect(await rendersForBurst((count) => workspace.update(change('2', `Roast ${count}`)))).toBe(1)
  expect(result.current.state.items[0]).toBe(first)
  expect(result.current.state.items[1]).toMatchObject({ id: '2', title: 'Roast 200' })
})

test('leaves nothing behind, but finishes what it began', async () => {
  const { sendUpdate, workspace, leavesNothing, server } = await board()
  server.freeze()
  const stored = sendUpdate('update', { id: '1', title: 'Last words' })
  const gone = leavesNothing()
  server.thaw()
  await stored
  await gone
  expect(workspace.items.get('1')).toMatchObject({ data: { title: 'Last words' } })
})

test('on a server there is nothing yet', () => {
  const { result } = rendersOnServer(() => useRealtimeUpdates<Task>(BOARD))
  expect(result.state).toEqual({ items: [], status: 'idle', error: undefined })
})
