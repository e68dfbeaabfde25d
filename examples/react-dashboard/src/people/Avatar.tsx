import { nameOf, people } from './people'
import './Avatar.css'

interface AvatarProps {
  userId: string
  /** What to say of them besides their name; nothing is said at all where the name stands beside. */
  label?: string
  status?: 'online' | 'busy' | 'away'
}

/** Somebody's initials in a colour of their own. */
export function Avatar({ userId, label, status }: AvatarProps) {
  const name = nameOf(userId)
  const words = name.match(/[\p{L}\p{N}]+/gu) ?? ['?']
  const initials = words.map(([first]) => first).slice(0, 2).join('').toUpperCase()
  const about = label ? { role: 'img', 'aria-label': label, title: label } : { 'aria-hidden': true }
  return (
    <span className="avatar" data-colour={colourOf(userId)} data-status={status} {...about}>
      {initials}
    </span>
  )
}

const COLOURS = 6

function colourOf(userId: string): number {
  const known = people.findIndex(({ id }) => id === userId)
  if (known >= 0) return known
  return [...userId].reduce((sum, letter) => sum + letter.charCodeAt(0), 0) % COLOURS
}
