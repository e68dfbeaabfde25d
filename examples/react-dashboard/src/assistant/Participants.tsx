import { useClient, usePresence } from 'samewire/react'
import { useId, useState } from 'react'
import { useFetched } from '../api'
import { Avatar } from '../people/Avatar'
import { nameOf, people } from '../people/people'
import { user } from '../user'

/** Others whose faces there is a place for. */
const FACES = 3

/** Who takes part in a conversation, and who of them is there; its owner may ask others in. */
export function Participants({ conversationId, ownerId }: { conversationId: string; ownerId: string }) {
  const client = useClient()
  const menu = useId()
  const path = `conversations/${encodeURIComponent(conversationId)}/participants`
  const [answered, setAnswered] = useState<string[]>()
  const fetched = useFetched<{ participants: string[] }>(path)?.participants
  const participants = answered ?? fetched ?? []
  const { users } = usePresence({ roomId: `conversation:${conversationId}` })
  const change = async (userId: string, takesPart: boolean) => {
    const changed = [...participants.filter((id) => id !== userId), ...(takesPart ? [userId] : [])]
    setAnswered(changed)
    const answer = await client.fetch(`api/${path}/${userId}`, { method: takesPart ? 'PUT' : 'DELETE' }).catch(() => undefined)
    if (!answer?.ok) setAnswered(participants)
  }
  const others = participants.filter((id) => id !== user.id)

  return (
    <div className="participants">
      <ul className="faces" aria-label="Who takes part">
        {others.slice(0, FACES).map((id) => {
          const status = users.find(({ userId }) => userId === id)?.status
          return (
            <li key={id}>
              <Avatar userId={id} {...(status && { status })} label={`${nameOf(id)}, ${status ?? 'not here'}`} />
            </li>
          )
        })}
      </ul>
      {ownerId === user.id && (
        <>
          <button type="button" className="icon-button" popoverTarget={menu} aria-label="Ask somebody in" title="Ask somebody in">
            <svg viewBox="0 0 24 24" aria-hidden="true">
              <path d="M10 5a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7ZM3 20c.6-4 3-6 7-6 1.500 0 2.800.3 3.800 1M18 14v6M15 17h6" />
            </svg>
          </button>
          <div id={menu} className="user-menu invite" popover="auto">
            <p>Takes part</p>
            {people
              .filter(({ id }) => id !== user.id)
              .map(({ id, name }) => (
                <label key={id}>
                  <input type="checkbox" checked={participants.includes(id)} onChange={({ target }) => void change(id, target.checked)} />
                  <Avatar userId={id} />
                  {name}
                </label>
              ))}
          </div>
        </>
      )}
    </div>
  )
}
