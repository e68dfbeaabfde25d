import { expectTypeOf, test } from 'vitest'
import type { SamewireError } from '../error.js'
import type { ChatMessage } from '../protocol.js'
import { useAssistant } from './index.js'

test('messages are those of the protocol', () => {
  const { messages, streaming, typing, status, error, send, cancel } = useAssistant('1')
  expectTypeOf(messages).toEqualTypeOf<readonly ChatMessage[]>()
  expectTypeOf(streaming?.content).toEqualTypeOf<string | undefined>()
  expectTypeOf(typing).toBeBoolean()
  expectTypeOf(status).toEqualTypeOf<'idle' | 'joining' | 'joined' | 'refused'>()
  expectTypeOf(error).toEqualTypeOf<SamewireError | undefined>()
  expectTypeOf(send('Hi')).resolves.toEqualTypeOf<ChatMessage>()
  expectTypeOf(cancel()).resolves.toBeVoid()
  useAssistant(undefined)
  // @ts-expect-error which conversation?
  useAssistant()
})
