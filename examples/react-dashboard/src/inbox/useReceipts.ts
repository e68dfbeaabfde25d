import type { InboxConversation, InboxMessage } from 'samewire/protocol'
import { useConnectionState, useEvent, type InboxState } from 'samewire/react'
import { useEffect, useSyncExternalStore } from 'react'

/** Says what came and what was read: a message that arrives is delivered, one that is on the screen is read. */
export function useReceipts(messages: readonly InboxMessage[], shown: InboxConversation | undefined, markRead: InboxState['markRead']): void {
  const connected = useConnectionState().status === 'connected'
  const visible = useSyncExternalStore(subscribeToVisibility, () => document.visibilityState === 'visible')
  const unread = visible && shown !== undefined && (shown.unreadCount > 0 || messages.some(({ status }) => status !== 'read'))
  const conversationId = shown?.id

  // The server asks each connection, and takes the first answer, whatever it says.
  useEvent('new_message', (_message, { acknowledge }) => acknowledge?.(null))
  useEffect(() => {
    // What can't be told now is told once there is a connection again.
    if (unread && connected && conversationId !== undefined) markRead({ conversationId }).catch(() => {})
  }, [unread, connected, conversationId, markRead])
}

function subscribeToVisibility(onChange: () => void): () => void {
  document.addEventListener('visibilitychange', onChange)
  return () => document.removeEventListener('visibilitychange', onChange)
}
