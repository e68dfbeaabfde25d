import { useLivePreview } from 'samewire/react'
import { useState } from 'react'
import { OwnerView } from './OwnerView'
import { TrackedPage } from './TrackedPage'
import { useProject } from './useProject'
import { Wire } from './Wire'
import './LivePreviewPage.css'

/** A page that is tracked, and beside it what its owner sees of it: two ends of one wire. */
export function LivePreviewPage() {
  const own = useProject()
  const project = own ?? undefined
  const preview = useLivePreview(project?.id)
  const [ownSession, setOwnSession] = useState<string>()

  return (
    <main className="live-preview">
      <h1 className="spoken">Live preview</h1>
      {own === null && (
        <p className="not-owner" role="status">
          Visitors are watched by the owner of the project alone. <a href="?user=ada#/live-preview">Be Ada</a>
        </p>
      )}
      <TrackedPage project={project} onSession={setOwnSession} />
      <Wire events={preview.events} />
      <OwnerView project={project} preview={preview} ownSession={ownSession} />
    </main>
  )
}
