import { Refused, request } from './request'

/** A project that sessions are recorded for, and the key that lets a page record them. */
export interface IngestProject {
  id: string
  ingestKey: string
}

/** What was seen. Besides these two fields it may say whatever helps whoever watches. */
export interface RecordedEvent {
  eventType: string
  timestamp: string
  [further: string]: unknown
}

/** The server broadcasts this many events of each request as they come in; more are only stored. */
const EVENTS_PER_REQUEST = 10

/**
 * One visit, as it is sent to the server: opened by its first event.
 *
 * One request is under way at a time, which keeps the events in order without a number on each.
 * What happens meanwhile goes with the next request, so that a slow network makes fewer, larger ones.
 */
export class IngestSession {
  readonly #project: IngestProject
  readonly #visitor: string
  readonly #onOpen: (sessionId: string) => void
  readonly #abandoned = new AbortController()
  #id: string | undefined
  #queue: RecordedEvent[] = []
  #sending: Promise<void> | undefined

  constructor(project: IngestProject, visitor: string, onOpen: (sessionId: string) => void) {
    this.#project = project
    this.#visitor = visitor
    this.#onOpen = onOpen
  }

  record(event: RecordedEvent): void {
    this.#queue.push(event)
    this.#sending ??= this.#send()
  }

  /** The form was submitted: resolves when the server has everything. */
  async submit(): Promise<void> {
    await this.#sending
    if (this.#id) await this.#post(`sessions/${this.#id}/submit`)
  }

  /** The visitor leaves. The page may be gone before an answer comes, so nothing is waited for. */
  abandon(): void {
    this.#abandoned.abort()
    this.#queue = []
    if (!this.#id) return
    const init = { method: 'POST', headers: this.#headers, keepalive: true }
    fetch(`api/sessions/${this.#id}/end`, init).catch(() => {})
  }

  async #send(): Promise<void> {
    try {
      while (this.#queue.length > 0) {
        this.#id ??= await this.#open()
        const events = this.#queue.slice(0, EVENTS_PER_REQUEST)
        const taken = await this.#bring(this.#id, events)
        if (taken) this.#queue.splice(0, events.length)
        else this.#id = undefined
      }
    } catch (error) {
      // Nobody is to be disturbed in filling in a form because it can't be recorded.
      this.#queue = []
      if (!this.#abandoned.signal.aborted) console.warn('This visit is no longer recorded:', error)
    } finally {
      this.#sending = undefined
    }
  }

  async #open(): Promise<string> {
    const { id } = this.#project
    const answer = await this.#post(`projects/${id}/sessions`, { externalUserId: this.#visitor })
    const { sessionId } = (await answer.json()) as { sessionId: string }
    this.#onOpen(sessionId)
    return sessionId
  }

  /** Whether the session took them: not when it was ended for a visitor who was away too long. */
  async #bring(id: string, events: RecordedEvent[]): Promise<boolean> {
    try {
      await this.#post(`sessions/${id}/events`, { events })
      return true
    } catch (error) {
      if (error instanceof Refused && error.status === 409) return false
      throw error
    }
  }

  #post(path: string, body: unknown = {}): Promise<Response> {
    const { signal } = this.#abandoned
    return request(`api/${path}`, { method: 'POST', headers: this.#headers, body: JSON.stringify(body), signal })
  }

  get #headers(): Record<string, string> {
    return { 'content-type': 'application/json', 'x-ingest-key': this.#project.ingestKey }
  }
}
