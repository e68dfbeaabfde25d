import { linkAs, user } from '../user'
import { Avatar } from './Avatar'
import { firstNameOf, people } from './people'
import './UserMenu.css'

/** Who one is, and the way to be somebody else at the same time: two people make the demo. */
export function UserMenu() {
  return (
    <>
      <button type="button" className="user-button" popoverTarget="user-menu" aria-label={`You are ${user.name}`}>
        <Avatar userId={user.id} />
        <span className="user-name">{firstNameOf(user.id)}</span>
      </button>
      <div id="user-menu" className="user-menu" popover="auto">
        <p>Open beside, as</p>
        <ul>
          {people.map((person) => (
            <li key={person.id}>
              <a
                href={linkAs(person)}
                target="_blank"
                rel="noreferrer"
                aria-current={person.id === user.id ? 'true' : undefined}
                // The page may have changed since this was drawn.
                onClick={(event) => (event.currentTarget.href = linkAs(person))}
              >
                <Avatar userId={person.id} />
                {person.name}
                {person.id === user.id && <span className="pill">you</span>}
              </a>
            </li>
          ))}
        </ul>
      </div>
    </>
  )
}
