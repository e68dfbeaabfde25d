import { IngestSession, type IngestProject } from './ingest'

export interface TrackerOptions {
  project: IngestProject
  /** Who is tracked, in the tracked page's own words. */
  visitor: string
  /** A visit has begun: the server gave it this id. */
  onSession?: (sessionId: string) => void
}

export interface Tracker {
  /** The form was submitted: resolves when all of the visit has arrived. */
  submit(): Promise<void>
  /** Stops listening, and ends a visit that wasn't submitted. */
  stop(): void
}

/** The browser's names, where they differ from the protocol's: these two are the ones that bubble. */
const EVENT_TYPES: Record<string, string> = { focusin: 'focus', focusout: 'blur' }
const LISTENED = ['keydown', 'keyup', 'input', 'paste', 'copy', 'cut', 'focusin', 'focusout', 'click']

/** What only ends something doesn't begin a visit: a key comes up after it has submitted the form. */
const ENDINGS = ['keyup', 'focusout']

type Control = HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement | HTMLButtonElement

/**
 * Records what a visitor does in a form, and sends it as it happens. A visit begins with the first
 * thing done. What is typed into a password field, or one marked `data-private`, never leaves the
 * page: only how long it is.
 */
export function track(form: HTMLFormElement, options: TrackerOptions): Tracker {
  const { project, visitor, onSession = () => {} } = options
  let session: IngestSession | undefined
  const listening = new AbortController()

  const record = (event: Event) => {
    const described = describe(event)
    if (!described || (!session && ENDINGS.includes(event.type))) return
    session ??= new IngestSession(project, visitor, onSession)
    session.record({
      eventType: EVENT_TYPES[event.type] ?? event.type,
      timestamp: new Date().toISOString(),
      ...described,
    })
  }
  const abandon = () => {
    session?.abandon()
    session = undefined
  }

  for (const type of LISTENED) {
    // Captured, so that a page that stops an event from bubbling doesn't hide it.
    form.addEventListener(type, record, { capture: true, signal: listening.signal })
  }
  addEventListener('pagehide', abandon, { signal: listening.signal })

  return {
    async submit() {
      const submitted = session
      session = undefined
      await submitted?.submit()
    },
    stop() {
      listening.abort()
      abandon()
    },
  }
}

/** What an event says beyond its type, or nothing when it is about no named part of the form. */
function describe(event: Event): Record<string, unknown> | undefined {
  const control = (event.target as Element).closest<Control>('input, textarea, select, button')
  if (!control?.name) return undefined
  const hidden = control.type === 'password' || 'private' in control.dataset
  const about = {
    field: control.name,
    control: control.type,
    label: control.labels?.[0]?.textContent?.trim() ?? control.name,
    ...(hidden && { private: true }),
  }
  if (event instanceof KeyboardEvent) return { ...about, ...keyOf(event, hidden) }
  if (event.type === 'input') return { ...about, value: valueOf(control, hidden) }
  return about
}

/** A key that writes is told by its character, any other by its name. */
function keyOf({ key }: KeyboardEvent, hidden: boolean): Record<string, unknown> {
  // Browsers that fill in a form send key events without a key.
  if (!key) return {}
  const writes = [...key].length === 1
  if (writes && hidden) return {}
  return writes ? { keyChar: key } : { key }
}

function valueOf(control: Control, hidden: boolean): string | boolean {
  if (hidden) return '•'.repeat(control.value.length)
  if (control instanceof HTMLInputElement && control.type === 'checkbox') return control.checked
  return control.value
}
