import { SamewireError } from '../error.js'
import type { ChatMessage } from '../protocol.js'
import { callForList } from './http.js'
import type { Fold } from './roomStore.js'

/** An answer, as far as it has come. */
export interface StreamingAnswer {
  messageId: string
  /** All of it so far. */
  content: string
}

/** A conversation with the assistant. */
export interface AssistantConversation {
  /** What was said, in order. */
  readonly messages: readonly ChatMessage[]
  /** What is being said here, and isn't stored yet. */
  readonly sending: readonly ChatMessage[]
  readonly streaming: (StreamingAnswer & { index: number }) | undefined
  /** The answer that the assistant is at. */
  readonly answering: string | undefined
  /** Why the last answer broke off, or the last message wasn't taken. */
  readonly failure: SamewireError | undefined
  /** Somebody asked elsewhere: what they asked has to be read. */
  readonly lacksQuestion: boolean
}

const NOTHING_SAID: AssistantConversation = { messages: [], sending: [], streaming: undefined, answering: undefined, failure: undefined, lacksQuestion: false }

/** What the events of a conversation's room add up to (wire.md, section 11). */
export function assistantConversation(conversationId: string): Fold<'conversation', AssistantConversation> {
  return {
    name: 'assistant',
    initial: NOTHING_SAID,
    on: {
      'ai:typing:start': (conversation, { messageId }) => {
        if (isSaid(conversation, messageId)) return conversation
        const asked = [...conversation.messages, ...conversation.sending].at(-1)?.role === 'user'
        return { ...conversation, answering: messageId, failure: undefined, lacksQuestion: !asked }
      },
      'ai:typing:stop': (conversation, { messageId }) => (conversation.answering === messageId ? { ...conversation, answering: undefined } : conversation),
      'message:chunk': (conversation, { messageId, index, content }) => {
        const { streaming } = conversation
        // An answer that the server has to begin anew begins at 0.
        const older = streaming?.messageId === messageId && index !== 0 && index <= streaming.index
        return older || isSaid(conversation, messageId) ? conversation : { ...conversation, streaming: { messageId, index, content } }
      },
      'message:complete': (conversation, { userMessage, assistantMessage }) => said(conversation, userMessage, assistantMessage),
      'message:error': (conversation, { messageId, code, message }) => {
        const { streaming } = conversation
        const failure = new SamewireError(code, message)
        if (streaming?.messageId !== messageId) return { ...ended(conversation, messageId), failure }
        const createdAt = new Date().toISOString()
        const answer: ChatMessage = { id: messageId, conversationId, role: 'assistant', content: streaming.content, incomplete: true, createdAt }
        return { ...said(conversation, answer), failure }
      },
    },
    concerns: (payload) => 'conversationId' in payload && payload.conversationId === conversationId,
    lacks: ({ lacksQuestion }) => lacksQuestion,
    read: async (client, signal) => {
      const path = `/api/conversations/${encodeURIComponent(conversationId)}/messages`
      const { items } = await callForList<ChatMessage>(client, path, 'messages', signal, Infinity)
      return (before, withSince) => {
        const read = { ...before, messages: items, lacksQuestion: false }
        const { streaming, answering } = read
        // What is stored is over: its end was missed.
        const over = [streaming?.messageId, answering].filter((id) => id !== undefined && isSaid(read, id)) as string[]
        return withSince(over.reduce<AssistantConversation>(ended, read))
      }
    },
  }
}

/** Something is stored: in its old place where it is known, else at the end. */
export function said(conversation: AssistantConversation, ...stored: ChatMessage[]): AssistantConversation {
  return stored.reduce((conversation, message) => {
    const { messages } = conversation
    const known = messages.some(({ id }) => id === message.id)
    const next = known ? messages.map((old) => (old.id === message.id ? message : old)) : [...messages, message]
    return { ...ended(conversation, message.id), messages: next }
  }, conversation)
}

/** No more of an answer comes. */
function ended(conversation: AssistantConversation, messageId: string): AssistantConversation {
  return {
    ...conversation,
    streaming: conversation.streaming?.messageId === messageId ? undefined : conversation.streaming,
    answering: conversation.answering === messageId ? undefined : conversation.answering,
  }
}

function isSaid({ messages }: AssistantConversation, messageId: string): boolean {
  return messages.some(({ id }) => id === messageId)
}
