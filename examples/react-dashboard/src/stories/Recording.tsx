import type { Story } from 'samewire/protocol'
import { useClient } from 'samewire/react'
import { useEffect, useState } from 'react'
import { fileUrl, sizeText } from './files'

/** A story's recording, read when somebody wants to hear it. */
export function Recording({ story: { id, size } }: { story: Story }) {
  const client = useClient()
  const [url, setUrl] = useState<string>()
  const [failure, setFailure] = useState<string>()
  useEffect(() => () => (url ? URL.revokeObjectURL(url) : undefined), [url])

  if (url) return <audio className="recording" src={url} controls autoPlay aria-label="Recording" />
  const read = () => fileUrl(client, `api/stories/${encodeURIComponent(id)}/media`).then(setUrl, (error: Error) => setFailure(error.message))
  return (
    <div className="recording">
      <button type="button" className="button" onClick={() => void read()}>
        <svg viewBox="0 0 24 24" aria-hidden="true">
          <path d="M8 5.500v13l10-6.500Z" />
        </svg>
        Listen <small>{sizeText(size ?? 0)}</small>
      </button>
      {failure && <p role="alert">{failure}</p>}
    </div>
  )
}
