import { useSyncExternalStore } from 'react'

/** Where one is in the app: `#/<path>/<item>` in the address. */
export interface Route {
  path: string | undefined
  /** What of the page is shown, where it shows one of many. */
  item: string | undefined
}

export function useRoute(): Route {
  const hash = useSyncExternalStore(subscribe, () => location.hash)
  const [, path, item] = hash.split('/')
  return { path, item: item ? decoded(item) : undefined }
}

export function hrefOf(path: string, item: string): string {
  return `#/${path}/${encodeURIComponent(item)}`
}

/** Nothing where an address was cut off or mistyped. */
function decoded(item: string): string | undefined {
  try {
    return decodeURIComponent(item)
  } catch {
    return undefined
  }
}

function subscribe(onChange: () => void): () => void {
  addEventListener('hashchange', onChange)
  return () => removeEventListener('hashchange', onChange)
}
