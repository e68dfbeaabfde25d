import type { LivePreviewState } from 'samewire/react'
import { useState } from 'react'
import { EventStream } from './EventStream'
import { SessionList } from './SessionList'
import { Timeline } from './Timeline'
import { TypedFields } from './TypedFields'
import { useLosses } from './useLosses'
import type { Project } from '../projects'
import { useReplay } from './useReplay'
import { useSessionEvents } from './useSessionEvents'
import { useSessions } from './useSessions'
import './OwnerView.css'

interface OwnerViewProps {
  project: Project | undefined
  preview: LivePreviewState
  /** The session of the page beside, which is told apart from those of others. */
  ownSession: string | undefined
}

/** What the owner of a tracked page sees: who is on it, and what they type as they type it. */
export function OwnerView({ project, preview, ownSession }: OwnerViewProps) {
  const losses = useLosses(project?.id)
  const sessions = useSessions(project?.id, preview.sessions, losses)
  const [picked, setPicked] = useState<{ session: string; while: string | undefined }>()

  // What was picked is shown until a new visit begins beside it; else the newest of all.
  const pick = picked?.while === ownSession ? picked?.session : undefined
  const shown = sessions.find(({ sessionId }) => sessionId === (pick ?? ownSession)) ?? sessions[0]
  const events = useSessionEvents(shown?.sessionId, preview.events, losses)
  const replay = useReplay(events, shown?.sessionId)

  return (
    <section className="side" aria-labelledby="owner-side">
      <h2 id="owner-side">What the owner sees</h2>
      <div className="panel owner-view">
        <SessionList
          sessions={sessions}
          shown={shown?.sessionId}
          own={ownSession}
          onPick={(session) => setPicked({ session, while: ownSession })}
        />
        <TypedFields session={shown} events={replay.events} playing={replay.at < replay.duration} error={preview.error?.message} />
        <Timeline replay={replay} status={shown?.status} />
        <EventStream events={replay.events} />
      </div>
    </section>
  )
}
