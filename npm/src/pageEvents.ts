/** What happens to the page, as far as a connection is concerned. Never `unload`: it keeps pages out of the back/forward cache. */

import type { PageEvent } from './engine.js'

/** Listeners on the page. */
export interface PageWatch {
  /** How many there are. */
  readonly size: number
  /** Ends them. */
  end(): void
}

type Heard = (event: PageTransitionEvent) => PageEvent | undefined

const OF_WINDOW: Record<string, Heard> = {
  online: () => 'online',
  offline: () => 'offline',
  // A page that isn't kept takes its connection with it.
  pagehide: ({ persisted }) => (persisted ? 'away' : undefined),
  pageshow: ({ persisted }) => (persisted ? 'back' : undefined),
}

const OF_DOCUMENT: Record<string, Heard> = {
  visibilitychange: () => (document.visibilityState === 'visible' ? 'shown' : undefined),
  freeze: () => 'away',
  resume: () => 'back',
}

/** Tells what happens to the page; nothing where there is none, as in Node.js and in workers. */
export function watchPage(tell: (event: PageEvent) => void): PageWatch | undefined {
  if (typeof document === 'undefined') return undefined
  const ended = new AbortController()
  const listen = (target: EventTarget, heard: Record<string, Heard>) => {
    for (const [name, read] of Object.entries(heard)) {
      const listener = (event: Event) => {
        const happened = read(event as PageTransitionEvent)
        if (happened) tell(happened)
      }
      target.addEventListener(name, listener, { signal: ended.signal })
    }
  }
  listen(window, OF_WINDOW)
  listen(document, OF_DOCUMENT)
  return {
    get size() {
      return ended.signal.aborted ? 0 : Object.keys({ ...OF_WINDOW, ...OF_DOCUMENT }).length
    },
    end: () => ended.abort(),
  }
}
