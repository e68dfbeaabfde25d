import { useRef, useState, type DragEvent, type FormEvent } from 'react'
import { sizeText } from './files'
import { upload } from './upload'
import './UploadForm.css'

/** Takes a recording, a text, or both, and shows how much of it has left. */
export function UploadForm({ projectId, onUploaded }: { projectId: string; onUploaded(storyId: string): void }) {
  const form = useRef<HTMLFormElement>(null)
  const [media, setMedia] = useState<File>()
  const [progress, setProgress] = useState<number>()
  const [failure, setFailure] = useState<string>()

  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    const fields = new FormData(event.currentTarget)
    const title = String(fields.get('title')).trim() || media?.name || ''
    if (progress !== undefined) return
    setFailure(title ? undefined : 'A story has a title, or a recording.')
    if (!title) return
    setProgress(0)
    try {
      const story = await upload(projectId, { title, text: String(fields.get('text')).trim(), ...(media && { media }) }, setProgress)
      form.current?.reset()
      setMedia(undefined)
      onUploaded(story.id)
    } catch (error) {
      setFailure((error as Error).message)
    } finally {
      setProgress(undefined)
    }
  }
  const drop = (event: DragEvent) => {
    event.preventDefault()
    setMedia(event.dataTransfer.files[0])
  }

  return (
    <form ref={form} className="panel upload" aria-label="Tell a story" onSubmit={(event) => void submit(event)} onDragOver={(event) => event.preventDefault()} onDrop={drop}>
      <input name="title" aria-label="Title" placeholder="Tell a story…" maxLength={200} autoComplete="off" />
      <textarea name="text" aria-label="Text" placeholder="In words, if you like" rows={2} />
      <div className="upload-bar">
        <label className="button">
          <svg viewBox="0 0 24 24" aria-hidden="true">
            <path d="M12 3a3 3 0 0 1 3 3v6a3 3 0 0 1-6 0V6a3 3 0 0 1 3-3ZM5.500 11.500a6.500 6.500 0 0 0 13 0M12 18v3" />
          </svg>
          <span>{media ? `${media.name}, ${sizeText(media.size)}` : 'Recording'}</span>
          <input type="file" className="spoken" accept="audio/*,video/*" onChange={({ target }) => setMedia(target.files?.[0])} />
        </label>
        <button type="submit" className="button primary" disabled={progress !== undefined}>
          Upload
        </button>
      </div>
      {progress !== undefined && <progress aria-label="Uploading" value={progress} />}
      {failure && <p role="alert">{failure}</p>}
    </form>
  )
}
