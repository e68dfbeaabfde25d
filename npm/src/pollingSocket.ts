/** Engine.IO over HTTP in the shape of a `WebSocket`: one request waits for frames, one at a time brings them. */

type Frame = string | ArrayBuffer | ArrayBufferView

/** Stands between the frames of one request. */
const SEPARATOR = '\x1e'

/** What is said of a server that speaks of something else: of a page that any path leads to, for example. */
const NOT_OURS = "what answers there doesn't speak Socket.IO"

/** Ends a session. */
const CLOSE = '1'

/** A polling session of its own. What it carries is decided by the engine. */
export interface PollingSocket {
  onmessage: ((event: { data: string | ArrayBuffer }) => void) | null
  onclose: ((event: { reason: string }) => void) | null
  onerror: (() => void) | null
  /** It has come to rest: everything is sent, and nothing is under way. */
  onpause: (() => void) | null
  send(frame: Frame): void
  /** Begins no request that waits any more, and says by `onpause` when it has come to rest. */
  pause(): void
  /** Ends the session too, unless another transport has taken it over. */
  close(): void
}

/** Begins a session. */
export function openPollingSocket(url: string): PollingSocket {
  const ending = new AbortController()
  const { signal } = ending
  let maxPayload = Infinity
  let requests = 0
  let queue: string[] = []
  let polling = true
  let posting = false
  let pausing = false

  const socket: PollingSocket = {
    onmessage: null,
    onclose: null,
    onerror: null,
    onpause: null,

    send(frame) {
      queue.push(typeof frame === 'string' ? frame : `b${toBase64(frame)}`)
      if (!posting) void post()
    },

    pause() {
      pausing = true
      rest()
    },

    close() {
      if (signal.aborted) return
      ending.abort()
      if (!isResting() && isSessionKnown()) socket.send(CLOSE)
    },
  }
  void poll()
  return socket

  function isResting(): boolean {
    return pausing && !polling && !posting && queue.length === 0
  }

  function isSessionKnown(): boolean {
    return maxPayload !== Infinity
  }

  async function poll(): Promise<void> {
    try {
      while (!pausing) {
        for (const frame of (await request({ signal })).split(SEPARATOR)) take(frame)
        // Whoever answers at once whatever is asked would be asked for ever.
        if (!isSessionKnown()) throw new Error(NOT_OURS)
      }
      polling = false
      rest()
    } catch (error) {
      lose(error)
    }
  }

  function take(frame: string): void {
    if (frame === '' || signal.aborted) return
    if (!/^[0-6b]/.test(frame)) throw new Error(NOT_OURS)
    if (frame.startsWith('0')) begin(JSON.parse(frame.slice(1)))
    socket.onmessage?.({ data: frame.startsWith('b') ? fromBase64(frame.slice(1)) : frame })
  }

  function begin(session: { sid: string; maxPayload?: number }): void {
    const address = new URL(url)
    address.searchParams.set('sid', session.sid)
    url = address.href
    maxPayload = session.maxPayload ?? 1_000_000
  }

  async function post(): Promise<void> {
    posting = true
    try {
      // What is sent in one turn goes together.
      await undefined
      while (queue.length > 0) {
        // The last word of a page that goes away is sent nevertheless.
        await request({ method: 'POST', body: nextBody(), keepalive: signal.aborted })
      }
      posting = false
      rest()
    } catch (error) {
      queue = []
      lose(error)
    }
  }

  /** As many frames as the server takes at once; one that is too large by itself goes alone. */
  function nextBody(): string {
    let size = 0
    let count = 0
    for (const frame of queue) {
      size += new TextEncoder().encode(frame).length + (count > 0 ? SEPARATOR.length : 0)
      if (count > 0 && size > maxPayload) break
      count += 1
    }
    return queue.splice(0, count).join(SEPARATOR)
  }

  async function request(init: RequestInit): Promise<string> {
    // Each has a name of its own: a browser may send one again by itself, and the server has to notice.
    const response = await fetch(`${url}&t=${requests++}`, { cache: 'no-store', ...init })
    if (!response.ok) throw new Error(`the server answered ${response.status}`)
    return response.text()
  }

  function rest(): void {
    if (isResting() && !signal.aborted) socket.onpause?.()
  }

  function lose(error: unknown): void {
    if (signal.aborted) return
    ending.abort()
    socket.onclose?.({ reason: error instanceof Error ? error.message : '' })
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
