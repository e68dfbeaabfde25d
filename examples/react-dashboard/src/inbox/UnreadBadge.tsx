import { useInbox } from 'samewire/react'

/** How much there is to read, on whatever page one is. */
export function UnreadBadge() {
  const { totalUnread } = useInbox()
  return <Count of={totalUnread} />
}

/** A number of unread messages; nothing where there are none. */
export function Count({ of }: { of: number }) {
  if (of === 0) return null
  return (
    <span className="unread">
      {of > 99 ? '99+' : of}
      <span className="spoken"> unread</span>
    </span>
  )
}
