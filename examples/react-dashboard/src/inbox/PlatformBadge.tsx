import { lookOf } from './platforms'

/** Which platform something comes from; said aloud where `spoken`. */
export function PlatformBadge({ platform, spoken = false }: { platform: string; spoken?: boolean }) {
  const { name, sign, colour } = lookOf(platform)
  const about = spoken ? { role: 'img', 'aria-label': name } : { 'aria-hidden': true }
  return (
    <span className="platform-badge" style={{ background: colour }} title={name} {...about}>
      {sign}
    </span>
  )
}
