import { useMemo } from 'react'
import { SamewireError } from '../error.js'
import type { ChatMessage } from '../protocol.js'
import type { Client } from '../types.js'
import { uuid } from '../uuid.js'
import { assistantConversation, said, type AssistantConversation, type StreamingAnswer } from './assistant.js'
import type { FoldedRoom, RoomState, RoomStore } from './roomStore.js'
import { selected } from './selected.js'
import { useClient } from './useClient.js'
import { unused, useRoomStore } from './useFold.js'
import { useStore } from './useStore.js'

export interface AssistantState {
  /** What was said, in order; what one says here from the moment one says it. */
  messages: readonly ChatMessage[]
  /** The answer that is coming in: all of it so far, whenever one began to look. */
  streaming: StreamingAnswer | undefined
  /** Whether the assistant is at an answer. */
  typing: boolean
  /** `joined` once what was said has been read. */
  status: RoomState['status']
  /** Why the room was refused, the last answer broke off, or the last message wasn't taken. */
  error: SamewireError | undefined
}

export interface AssistantHandle extends AssistantState {
  /** Says something; resolves with it as it is stored. Rejects with a `SamewireError`. */
  send(content: string): Promise<ChatMessage>
  /** Stops the answer, of which is kept what there is. Does nothing where there is none. */
  cancel(): Promise<void>
}

/** Takes part in a conversation with the assistant while the component is there; in none while there is no id. */
export function useAssistant(conversationId: string | undefined): AssistantHandle {
  const client = useClient()
  const fold = useMemo(() => assistantConversation(conversationId ?? ''), [conversationId])
  const store = useRoomStore(conversationId === undefined ? undefined : `conversation:${conversationId}`, fold)
  const state = useStore(useMemo(() => selected(store ?? unused(fold), shower()), [store, fold]))
  const actions = useMemo(() => actionsOf(client, store, conversationId), [client, store, conversationId])
  return useMemo(() => ({ ...state, ...actions }), [state, actions])
}

/** Makes what is shown, with the same parts as before wherever they hold the same. */
function shower() {
  let messages: readonly ChatMessage[] = []
  let streaming: StreamingAnswer | undefined
  return ({ value, status, error }: FoldedRoom<'conversation', AssistantConversation>): AssistantState => {
    const all = value.sending.length > 0 ? [...value.messages, ...value.sending] : value.messages
    const same = all.length === messages.length && all.every((message, index) => message === messages[index])
    if (!same) messages = all
    const { messageId, content } = value.streaming ?? {}
    if (streaming?.messageId !== messageId || streaming?.content !== content) streaming = value.streaming && { messageId: messageId!, content: content! }
    return { messages, streaming, typing: value.answering !== undefined, status, error: error ?? value.failure }
  }
}

type Store = RoomStore<'conversation', AssistantConversation>

function actionsOf(client: Client, store: Store | undefined, conversationId: string | undefined): Pick<AssistantHandle, 'send' | 'cancel'> {
  return {
    async send(content) {
      if (!store || conversationId === undefined) throw new SamewireError('NOT_FOUND', 'there is no conversation to say it in')
      // The room isn't left in the middle of it, were the component gone.
      const release = store.subscribe(() => {})
      const message: ChatMessage = { id: uuid(), conversationId, role: 'user', content, incomplete: false, createdAt: new Date().toISOString() }
      const without = (sending: readonly ChatMessage[]) => sending.filter((other) => other !== message)
      store.change((conversation) => ({ ...conversation, sending: [...conversation.sending, message], failure: undefined }))
      try {
        const stored = await client.emit('message:send', { conversationId, content })
        store.hear((conversation) => said({ ...conversation, sending: without(conversation.sending) }, stored))
        return stored
      } catch (cause) {
        const failure = cause instanceof SamewireError ? cause : new SamewireError('INTERNAL', String(cause))
        store.change((conversation) => ({ ...conversation, sending: without(conversation.sending), failure }))
        throw failure
      } finally {
        release()
      }
    },
    async cancel() {
      if (!store || conversationId === undefined) return
      const { answering, streaming, messages } = store.get().value
      const last = messages.at(-1)
      // A question whose answer hasn't begun stands for it.
      const messageId = answering ?? streaming?.messageId ?? (last?.role === 'user' ? last.id : undefined)
      if (messageId === undefined) return
      const kept = await client.emit('message:cancel', { conversationId, messageId })
      store.hear((conversation) => said(conversation, kept))
    },
  }
}
