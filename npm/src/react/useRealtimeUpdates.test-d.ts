import { expectTypeOf, test } from 'vitest'
import type { SamewireError } from '../error.js'
import type { DataUpdated } from '../protocol.js'
import { useRealtimeUpdates } from './index.js'

interface Task {
  id: string
  title: string
  completed: boolean
}

test('items are of the application’s own type', () => {
  const { state, sendUpdate } = useRealtimeUpdates<Task>({
    entity: 'tasks',
    roomId: 'board',
    onCreate: (task) => expectTypeOf(task.title).toBeString(),
    onUpdate: (_task, update) => expectTypeOf(update).toEqualTypeOf<DataUpdated>(),
    onDelete: ({ id }) => expectTypeOf(id).toBeString(),
  })
  expectTypeOf(state.items[0]!).toExtend<Task>()
  expectTypeOf(state.status).toEqualTypeOf<'idle' | 'joining' | 'joined' | 'refused'>()
  expectTypeOf(state.error).toEqualTypeOf<SamewireError | undefined>()

  expectTypeOf(sendUpdate('create', { title: 'New', completed: false })).resolves.toExtend<Task>()
  expectTypeOf(sendUpdate('update', { id: '1', completed: true })).resolves.toExtend<Task>()
  expectTypeOf(sendUpdate('delete', { id: '1' })).resolves.toBeVoid()
  // @ts-expect-error a field is missing
  void sendUpdate('create', { title: 'New' })
  // @ts-expect-error which one?
  void sendUpdate('update', { completed: true })
  // @ts-expect-error no such field
  void sendUpdate('update', { id: '1', colour: 'red' })
})
