import { expectTypeOf, test } from 'vitest'
import type { InboxConversation, InboxMessage } from '../protocol.js'
import { useInbox } from './index.js'

test('conversations and messages are those of the protocol', () => {
  const { conversations, messages, unreadCounts, totalUnread, markRead, status } = useInbox()
  expectTypeOf(conversations).toEqualTypeOf<readonly InboxConversation[]>()
  expectTypeOf(messages).toEqualTypeOf<readonly InboxMessage[]>()
  expectTypeOf(unreadCounts.whatsapp).toEqualTypeOf<number | undefined>()
  expectTypeOf(totalUnread).toBeNumber()
  expectTypeOf(status).toEqualTypeOf<'idle' | 'joining' | 'joined' | 'refused'>()
  expectTypeOf(markRead({ conversationId: '1' })).resolves.toBeVoid()
  expectTypeOf(markRead({ messageId: '1' })).resolves.toBeVoid()
  useInbox({ conversationId: undefined })
  // @ts-expect-error what was read?
  void markRead({})
})
