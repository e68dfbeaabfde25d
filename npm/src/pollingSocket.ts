/** Engine.IO over HTTP in the shape of a `WebSocket`: one request waits for frames, one at a time brings them. */

type Frame = string | ArrayBuffer | ArrayBufferView

/** Stands between the frames of one request. */
const SEPARATOR = '\x1e'

/** What is said of a server that speaks of something else: of a page that any path leads to, for example. */
const NOT_OURS = "what answers there doesn't speak Socket.IO"

/** Ends a session. */
const CLOSE = '1'

/** A polling session of its own. What it carries is decided by the engine. */
export class PollingSocket {
  onmessage: ((event: { data: string | ArrayBuffer }) => void) | null = null
  onclose: ((event: { reason: string }) => void) | null = null
  onerror: (() => void) | null = null
  /** It has come to rest: everything is sent, and nothing is under way. */
  onpause: (() => void) | null = null
  readonly #aborted = new AbortController()
  #url: string
  #maxPayload = Infinity
  #requests = 0
  #queue: string[] = []
  #polling = true
  #posting = false
  #pausing = false

  constructor(url: string) {
    this.#url = url
    void this.#poll()
  }

  send(frame: Frame): void {
    this.#queue.push(typeof frame === 'string' ? frame : `b${toBase64(frame)}`)
    if (!this.#posting) void this.#post()
  }

  /** Begins no request that waits any more, and says by `onpause` when it has come to rest. */
  pause(): void {
    this.#pausing = true
    this.#rest()
  }

  /** Ends the session too, unless another transport has taken it over. */
  close(): void {
    if (this.#aborted.signal.aborted) return
    this.#aborted.abort()
    if (!this.#resting && this.#sessionKnown) this.send(CLOSE)
  }

  get #resting(): boolean {
    return this.#pausing && !this.#polling && !this.#posting && this.#queue.length === 0
  }

  get #sessionKnown(): boolean {
    return this.#maxPayload !== Infinity
  }

  async #poll(): Promise<void> {
    try {
      while (!this.#pausing) {
        const frames = (await this.#request({ signal: this.#aborted.signal })).split(SEPARATOR)
        for (const frame of frames) this.#take(frame)
        // Whoever answers at once whatever is asked would be asked for ever.
        if (!this.#sessionKnown) throw new Error(NOT_OURS)
      }
      this.#polling = false
      this.#rest()
    } catch (error) {
      this.#lose(error)
    }
  }

  #take(frame: string): void {
    if (frame === '' || this.#aborted.signal.aborted) return
    if (!/^[0-6b]/.test(frame)) throw new Error(NOT_OURS)
    if (frame.startsWith('0')) this.#begin(JSON.parse(frame.slice(1)))
    this.onmessage?.({ data: frame.startsWith('b') ? fromBase64(frame.slice(1)) : frame })
  }

  #begin({ sid, maxPayload = 1_000_000 }: { sid: string; maxPayload?: number }): void {
    const url = new URL(this.#url)
    url.searchParams.set('sid', sid)
    this.#url = url.href
    this.#maxPayload = maxPayload
  }

  async #post(): Promise<void> {
    this.#posting = true
    try {
      // What is sent in one turn goes together.
      await undefined
      while (this.#queue.length > 0) {
        const body = this.#nextBody()
        // The last word of a page that goes away is sent nevertheless.
        await this.#request({ method: 'POST', body, keepalive: this.#aborted.signal.aborted })
      }
      this.#posting = false
      this.#rest()
    } catch (error) {
      this.#queue = []
      this.#lose(error)
    }
  }

  /** As many frames as the server takes at once; one that is too large by itself goes alone. */
  #nextBody(): string {
    let size = 0
    let count = 0
    for (const frame of this.#queue) {
      size += new TextEncoder().encode(frame).length + (count > 0 ? SEPARATOR.length : 0)
      if (count > 0 && size > this.#maxPayload) break
      count += 1
    }
    return this.#queue.splice(0, count).join(SEPARATOR)
  }

  async #request(init: RequestInit): Promise<string> {
    // Each has a name of its own: a browser may send one again by itself, and the server has to notice.
    const response = await fetch(`${this.#url}&t=${this.#requests++}`, { cache: 'no-store', ...init })
    if (!response.ok) throw new Error(`the server answered ${response.status}`)
    return response.text()
  }

  #rest(): void {
    if (this.#resting && !this.#aborted.signal.aborted) this.onpause?.()
  }

  #lose(error: unknown): void {
    if (this.#aborted.signal.aborted) return
    this.#aborted.abort()
    this.onclose?.({ reason: error instanceof Error ? error.message : '' })
  }
}

function toBase64(frame: ArrayBuffer | ArrayBufferView): string {
  const bytes = ArrayBuffer.isView(frame) ? new Uint8Array(frame.buffer, frame.byteOffset, frame.byteLength) : new Uint8Array(frame)
  let signs = ''
  // In parts, for a call takes only so many arguments.
  for (let at = 0; at < bytes.length; at += 0x8000) signs += String.fromCharCode(...bytes.subarray(at, at + 0x8000))
  return btoa(signs)
}

function fromBase64(text: string): ArrayBuffer {
  return Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0)).buffer
}
