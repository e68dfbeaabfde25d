import type { ConversationUpdate, InboxConversation, InboxMessage, MessageStatus, NewMessage } from '../protocol.js'
import { callForList } from './http.js'
import type { Fold } from './roomStore.js'

/** A user's inbox. */
export interface Inbox {
  /** The one with the latest message first. */
  readonly conversations: readonly InboxConversation[]
  /** Messages that came in since one began to look, oldest first. */
  readonly arrived: readonly InboxMessage[]
  /** Unread messages of each platform, as the server counts them. */
  readonly unreadCounts: Readonly<Record<string, number>>
  /** Unread messages in all, as the server counts them. */
  readonly totalUnread: number
}

/** How many messages are kept, of a conversation or of those that come in. */
export const KEPT_MESSAGES = 500

interface FirstPage {
  unreadCounts: Record<string, number>
  totalUnread: number
}

/** What the events of a user's room add up to (wire.md, section 10). */
export const inbox: Fold<'user', Inbox> = {
  name: 'inbox',
  initial: { conversations: [], arrived: [], unreadCounts: {}, totalUnread: 0 },
  on: {
    new_message: (inbox, { message, conversation }) => ({
      ...inbox,
      arrived: withMessage(inbox.arrived, message),
      conversations: conversation ? withConversation(inbox.conversations, conversation) : inbox.conversations,
    }),
    message_status_update: (inbox, { messageId, status }) => ({ ...inbox, arrived: withStatus(inbox.arrived, messageId, status) }),
    unread_count_update: (inbox, { unreadCounts, totalUnread }) => ({ ...inbox, unreadCounts, totalUnread }),
    conversation_update: (inbox, { conversation }) => updated(inbox, conversation),
  },
  read: async (client, signal) => {
    const { items, first } = await callForList<InboxConversation, FirstPage>(client, '/api/inbox/conversations', 'conversations', signal)
    return ({ arrived }, withSince) => withSince({ conversations: items, arrived, unreadCounts: first.unreadCounts, totalUnread: first.totalUnread })
  },
}

/** The messages of one conversation, oldest first: the latest that are stored, and those that come. */
export function messagesOf(conversationId: string): Fold<'user', readonly InboxMessage[]> {
  return {
    name: `inbox messages ${conversationId}`,
    initial: [],
    on: {
      new_message: (messages, { message }: NewMessage) => (message.conversationId === conversationId ? withMessage(messages, message) : messages),
      message_status_update: (messages, { messageId, status }) => withStatus(messages, messageId, status),
    },
    read: async (client, signal) => {
      const path = `/api/inbox/conversations/${encodeURIComponent(conversationId)}/messages`
      // A page is more than is kept, and has the latest first.
      const { items } = await callForList<InboxMessage>(client, path, 'messages', signal, 1)
      return (_before, withSince) => withSince(items.slice(0, KEPT_MESSAGES).reverse())
    },
  }
}

/** A conversation as it is now. */
export function updated(inbox: Inbox, conversation: ConversationUpdate['conversation']): Inbox {
  return { ...inbox, conversations: withConversation(inbox.conversations, conversation) }
}

function withConversation(conversations: readonly InboxConversation[], conversation: InboxConversation): readonly InboxConversation[] {
  const others = conversations.filter(({ id }) => id !== conversation.id)
  const at = others.findIndex(({ lastMessageAt }) => (lastMessageAt ?? '') <= (conversation.lastMessageAt ?? ''))
  return at < 0 ? [...others, conversation] : [...others.slice(0, at), conversation, ...others.slice(at)]
}

/** In its old place where it is known, else where its time says. */
function withMessage(messages: readonly InboxMessage[], message: InboxMessage): readonly InboxMessage[] {
  const known = messages.find(({ id }) => id === message.id)
  if (known) return messages.map((old) => (old === known ? { ...message, status: further(old.status, message.status) } : old))
  const later = messages.findIndex(({ sentAt }) => sentAt > message.sentAt)
  const at = later < 0 ? messages.length : later
  return [...messages.slice(0, at), message, ...messages.slice(at)].slice(-KEPT_MESSAGES)
}

function withStatus(messages: readonly InboxMessage[], messageId: string, status: MessageStatus): readonly InboxMessage[] {
  const known = messages.find(({ id }) => id === messageId)
  if (!known || further(known.status, status) === known.status) return messages
  return messages.map((message) => (message === known ? { ...message, status } : message))
}

/** A status only moves forward. */
function further(one: MessageStatus | null | undefined, other: MessageStatus | null | undefined): MessageStatus | null {
  return [one, other].find((status) => status === 'read') ?? one ?? other ?? null
}
