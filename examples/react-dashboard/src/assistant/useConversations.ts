import type { Conversation } from 'samewire/protocol'
import { useClient, useEvent } from 'samewire/react'
import { useCallback, useState } from 'react'
import { useFetched } from '../api'

export interface Conversations {
  /** The newest first; nothing until they have been read. */
  conversations: readonly Conversation[] | undefined
  /** Begins a conversation; resolves with its id. */
  begin(): Promise<string>
  rename(conversationId: string, title: string): void
  remove(conversationId: string): void
}

/** What a conversation is called until something is said in it. */
export const UNTITLED = 'New conversation'

/** Conversations with the assistant that one takes part in. */
export function useConversations(): Conversations {
  const client = useClient()
  const [version, setVersion] = useState(0)
  const again = useCallback(() => setVersion((version) => version + 1), [])
  // What another tab or device did, and what was missed while there was no connection.
  useEvent('conversation:create', again)
  useEvent('conversation:update', again)
  useEvent('conversation:delete', again)
  useEvent('authenticated', again)
  const fetched = useFetched<{ conversations: Conversation[] }>('conversations', version)

  return {
    conversations: fetched?.conversations,
    async begin() {
      const { id } = await client.emit('conversation:create', { title: UNTITLED })
      again()
      return id
    },
    rename(conversationId, title) {
      client.emit('conversation:update', { conversationId, title }).then(again, () => {})
    },
    remove(conversationId) {
      client.emit('conversation:delete', { conversationId }).then(again, () => {})
    },
  }
}
