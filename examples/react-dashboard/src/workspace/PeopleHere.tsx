import type { User } from 'samewire/protocol'
import { Avatar } from '../people/Avatar'
import { nameOf } from '../people/people'

/** Who is at the board, oneself first. */
export function PeopleHere({ users, self }: { users: readonly User[]; self: string | undefined }) {
  const sorted = [...users].sort((a, b) => Number(b.userId === self) - Number(a.userId === self))
  return (
    <ul className="people-here" aria-label="Who is here">
      {sorted.map(({ userId, status }) => (
        <li key={userId}>
          <Avatar userId={userId} status={status} label={`${nameOf(userId)}${userId === self ? ' (you)' : ''}, ${status}`} />
        </li>
      ))}
    </ul>
  )
}
