import type { Story } from 'samewire/protocol'
import { token } from '../connection/token'

export interface NewStory {
  title: string
  text?: string
  media?: File
}

/** Uploads a story; `onProgress` is told how much of it has left, from 0 to 1, which `fetch` can't tell. */
export async function upload(projectId: string, { title, text, media }: NewStory, onProgress: (progress: number) => void): Promise<Story> {
  const form = new FormData()
  form.append('title', title)
  if (text) form.append('text', text)
  if (media) form.append('media', media)
  const request = new XMLHttpRequest()
  request.open('POST', `api/projects/${encodeURIComponent(projectId)}/stories`)
  request.setRequestHeader('authorization', `Bearer ${await token()}`)
  request.responseType = 'json'
  return new Promise((resolve, reject) => {
    request.upload.onprogress = ({ loaded, total }) => onProgress(total === 0 ? 1 : loaded / total)
    request.onerror = () => reject(new Error('The server could not be reached.'))
    request.onload = () => {
      if (request.status === 201) resolve(request.response as Story)
      else reject(new Error((request.response as { detail?: string } | null)?.detail ?? `It was answered with ${request.status}.`))
    }
    request.send(form)
  })
}
