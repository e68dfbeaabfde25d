import type { ExportFormat } from 'samewire/protocol'
import { useClient, type StoryExport } from 'samewire/react'
import { useState } from 'react'
import { firstNameOf } from '../people/people'
import { call } from './call'
import { download, sizeText } from './files'
import './Exports.css'

interface ExportsProps {
  projectId: string
  exports: readonly StoryExport[]
  /** Whether it is known what there is. */
  isReady: boolean
}

/** Everything in one file: begun at a press, followed by a bar, saved when it is ready. */
export function Exports({ projectId, exports, isReady }: ExportsProps) {
  const client = useClient()
  const [failure, setFailure] = useState<string>()
  const attempt = (doing: Promise<unknown>) => void doing.then(() => setFailure(undefined), (error: Error) => setFailure(error.message))
  const begin = (format: ExportFormat) => attempt(call(client, 'POST', `projects/${encodeURIComponent(projectId)}/exports`, { format }))

  return (
    <section className="panel exports" aria-labelledby="exports">
      <h2 id="exports">Export</h2>
      <div className="exports-formats">
        <button type="button" className="button" onClick={() => begin('zip')}>
          ZIP
        </button>
        <button type="button" className="button" onClick={() => begin('json')}>
          JSON
        </button>
      </div>
      <div className="exports-made">
        {isReady && exports.length === 0 && <p>All stories in one file, made while you go on.</p>}
        <ul>
          {[...exports].reverse().map((one) => (
            <li key={one.exportId}>
              <span>
                {one.format?.toUpperCase()} <small>{one.requestedBy && firstNameOf(one.requestedBy)}</small>
              </span>
              {one.status === 'running' && <progress aria-label="Exporting" value={one.progress} />}
              {one.status === 'failed' && <span role="alert">{one.message}</span>}
              {one.status === 'ready' && one.downloadUrl && (
                <button type="button" className="button" onClick={() => attempt(download(client, one.downloadUrl!, `stories.${one.format ?? 'zip'}`))}>
                  <svg viewBox="0 0 24 24" aria-hidden="true">
                    <path d="M12 4v11M7 11l5 5 5-5M5 20h14" />
                  </svg>
                  Download <small>{sizeText(one.size ?? 0)}</small>
                </button>
              )}
            </li>
          ))}
        </ul>
      </div>
      {failure && <p role="alert">{failure}</p>}
    </section>
  )
}
