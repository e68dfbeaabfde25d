import type { InboxMessage } from 'samewire/protocol'
import { useInbox } from 'samewire/react'
import { useState } from 'react'
import { useRoute } from '../route'
import { ConversationList } from './ConversationList'
import { PlatformFilter } from './PlatformFilter'
import { Thread } from './Thread'
import { useReading } from './useReading'
import { useTypists } from './useTypists'
import './InboxPage.css'

const NO_MESSAGES: readonly InboxMessage[] = []

/** Messages of many platforms in one inbox, the same on every device. */
export function InboxPage() {
  const { item } = useRoute()
  const { conversations, messages, unreadCounts, totalUnread, markRead, error } = useInbox({ conversationId: item })
  const typed = useTypists()
  const [platform, setPlatform] = useState<string>()
  // The list's own: what was read once stays, while a conversation's messages are read.
  const isReady = useInbox().status === 'joined'
  const shown = conversations.find(({ id }) => id === item)
  const listed = conversations.filter((conversation) => platform === undefined || conversation.platform === platform)
  const platforms = [...new Set(conversations.map(({ platform }) => platform))].sort()
  useReading(messages, shown, markRead)

  return (
    <main className="inbox" data-open={shown !== undefined}>
      <h1 className="spoken">Inbox</h1>
      <div className="inbox-list">
        {error && (
          <p className="alert" role="alert">
            {error.message}
          </p>
        )}
        {/* All at once: platforms that come later would push the list down. */}
        {isReady && <PlatformFilter platforms={platforms} unreadCounts={unreadCounts} totalUnread={totalUnread} picked={platform} onPick={setPlatform} />}
        {isReady && <ConversationList conversations={listed} shown={shown?.id} typed={typed} />}
      </div>
      <Thread conversation={shown} messages={shown ? messages : NO_MESSAGES} isTyped={shown !== undefined && typed.has(shown.id)} />
    </main>
  )
}
