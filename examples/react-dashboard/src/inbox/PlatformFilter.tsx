import { PlatformBadge } from './PlatformBadge'
import { lookOf } from './platforms'
import { Count } from './UnreadBadge'

interface PlatformFilterProps {
  platforms: readonly string[]
  unreadCounts: Readonly<Record<string, number>>
  totalUnread: number
  /** The one platform that is shown; nothing for all. */
  picked: string | undefined
  onPick(platform: string | undefined): void
}

/** What there is to read, by platform; a press shows that platform alone. */
export function PlatformFilter({ platforms, unreadCounts, totalUnread, picked, onPick }: PlatformFilterProps) {
  return (
    <div className="platforms" role="group" aria-label="Platforms">
      <button type="button" className="platform" aria-pressed={picked === undefined} onClick={() => onPick(undefined)}>
        All
        <Count of={totalUnread} />
      </button>
      {platforms.map((platform) => (
        <button
          key={platform}
          type="button"
          className="platform"
          aria-pressed={platform === picked}
          title={lookOf(platform).name}
          onClick={() => onPick(platform === picked ? undefined : platform)}
        >
          <PlatformBadge platform={platform} spoken />
          <Count of={unreadCounts[platform] ?? 0} />
        </button>
      ))}
    </div>
  )
}
