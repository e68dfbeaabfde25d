import { expectTypeOf, test } from 'vitest'
import type { User } from '../protocol.js'
import { usePresence } from './index.js'

test('people are users of the protocol', () => {
  const { users, others, self, onlineCount, setStatus, setState } = usePresence({ roomId: 'lobby' })
  expectTypeOf(users).toEqualTypeOf<readonly User[]>()
  expectTypeOf(others).toEqualTypeOf<readonly User[]>()
  expectTypeOf(self).toEqualTypeOf<User | undefined>()
  expectTypeOf(onlineCount).toBeNumber()
  expectTypeOf(setStatus('away')).resolves.toEqualTypeOf<User>()
  expectTypeOf(setState({ anything: 1 })).resolves.toEqualTypeOf<User>()
  // @ts-expect-error no such status
  void setStatus('asleep')
})
