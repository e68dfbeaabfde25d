import { useMemo } from 'react'
import type { SamewireError } from '../error.js'
import type { InboxConversation, InboxMessage } from '../protocol.js'
import { call } from './http.js'
import { inbox, messagesOf, updated, type Inbox } from './inbox.js'
import type { FoldedRoom, RoomState } from './roomStore.js'
import { useClient } from './useClient.js'
import { useFold, useRoomStore } from './useFold.js'
import { useUserId } from './useUserId.js'

export interface InboxOptions {
  /** The conversation whose messages are shown. */
  conversationId?: string | undefined
}

/** What was read: a message, or all of a conversation. */
export type Read = { conversationId: string } | { messageId: string }

export interface InboxState {
  /** The one with the latest message first. */
  conversations: readonly InboxConversation[]
  /** Those of the conversation that was asked for, else all that came in since; oldest first, the last 500. */
  messages: readonly InboxMessage[]
  /** Unread messages of each platform. It is always the server that counts. */
  unreadCounts: Readonly<Record<string, number>>
  /** Unread messages in all. */
  totalUnread: number
  /** Says that something was read. Rejects with a `SamewireError`. */
  markRead(read: Read): Promise<void>
  /** `joined` once what is stored has been read. */
  status: RoomState['status']
  /** Why it couldn't be read. */
  error: SamewireError | undefined
}

/** The inbox of whoever is signed in. */
export function useInbox({ conversationId }: InboxOptions = {}): InboxState {
  const client = useClient()
  const userId = useUserId()
  const room = userId === undefined ? undefined : (`user:${userId}` as const)
  const store = useRoomStore(room, inbox)
  const { arrived, ...all } = useFold(room, inbox, shown)
  const fold = useMemo(() => messagesOf(conversationId ?? ''), [conversationId])
  const one = useFold(conversationId === undefined ? undefined : room, fold, shownMessages)

  const markRead = useMemo(
    () => async (read: Read) => {
      const init = { method: 'POST' }
      if ('messageId' in read) return void (await call(client, `/api/inbox/messages/${encodeURIComponent(read.messageId)}/read`, init))
      const conversation = await call<InboxConversation>(client, `/api/inbox/conversations/${encodeURIComponent(read.conversationId)}/read`, init)
      store?.hear((inbox) => updated(inbox, conversation))
    },
    [client, store],
  )
  const { conversations, unreadCounts, totalUnread } = all
  const messages = conversationId === undefined ? arrived : one.messages
  const status = conversationId === undefined || all.status !== 'joined' ? all.status : one.status
  const error = all.error ?? one.error
  return useMemo(
    () => ({ conversations, messages, unreadCounts, totalUnread, markRead, status, error }),
    [conversations, messages, unreadCounts, totalUnread, markRead, status, error],
  )
}

function shown({ value, status, error }: FoldedRoom<'user', Inbox>) {
  return { ...value, status, error }
}

function shownMessages({ value, status, error }: FoldedRoom<'user', readonly InboxMessage[]>) {
  return { messages: value, status, error }
}
