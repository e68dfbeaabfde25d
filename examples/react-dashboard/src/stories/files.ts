import type { Client } from 'samewire'

/** A file of the server's that only who is signed in may read, as an address of this page's own. */
export async function fileUrl(client: Client, path: string): Promise<string> {
  const answer = await client.fetch(path)
  if (!answer.ok) throw new Error(`The file was answered with ${answer.status}.`)
  return URL.createObjectURL(await answer.blob())
}

/** Saves such a file under a name. */
export async function download(client: Client, path: string, name: string): Promise<void> {
  const href = await fileUrl(client, path)
  const link = Object.assign(document.createElement('a'), { href, download: name })
  link.click()
  // Once the browser has taken it.
  setTimeout(() => URL.revokeObjectURL(href), 60_000)
}

const UNITS = ['B', 'kB', 'MB', 'GB']

export function sizeText(bytes: number): string {
  const unit = bytes < 1 ? 0 : Math.min(Math.floor(Math.log10(bytes) / 3), UNITS.length - 1)
  return `${Math.round(bytes / 10 ** (3 * unit))} ${UNITS[unit]}`
}
