import type { InboxConversation, InboxMessage } from 'samewire/protocol'
import { useConnectionState, type InboxState } from 'samewire/react'
import { useEffect, useSyncExternalStore } from 'react'

/** Says that a conversation was read while it is on the screen. */
export function useReading(messages: readonly InboxMessage[], shown: InboxConversation | undefined, markRead: InboxState['markRead']): void {
  const connected = useConnectionState().status === 'connected'
  const visible = useSyncExternalStore(subscribeToVisibility, () => document.visibilityState === 'visible')
  const unread = visible && shown !== undefined && (shown.unreadCount > 0 || messages.some(({ status }) => status !== 'read'))
  const conversationId = shown?.id

  useEffect(() => {
    // What can't be told now is told once there is a connection again.
    if (unread && connected && conversationId !== undefined) markRead({ conversationId }).catch(() => {})
  }, [unread, connected, conversationId, markRead])
}

function subscribeToVisibility(onChange: () => void): () => void {
  document.addEventListener('visibilitychange', onChange)
  return () => document.removeEventListener('visibilitychange', onChange)
}
