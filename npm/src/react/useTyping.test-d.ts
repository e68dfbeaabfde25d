import { expectTypeOf, test } from 'vitest'
import type { User } from '../protocol.js'
import { useTyping } from './index.js'

test('who types is a user; starting and stopping need nothing', () => {
  const { typing, start, stop } = useTyping({ conversationId: '1' })
  expectTypeOf(typing).toEqualTypeOf<readonly User[]>()
  expectTypeOf(start).toEqualTypeOf<() => void>()
  expectTypeOf(stop).toEqualTypeOf<() => void>()
  // @ts-expect-error of which conversation?
  useTyping({})
})
