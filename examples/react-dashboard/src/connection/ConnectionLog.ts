import type { Client, ConnectionState } from 'samewire'

/** What kind of thing happened: good, a wait, or a refusal. */
export type Tone = 'live' | 'wait' | 'stop'

/** Something that happened to the connection. */
export interface LogEntry {
  id: number
  /** Milliseconds since 1970. */
  time: number
  tone: Tone
  text: string
}

/** What happened so far. */
export interface LoggedConnection {
  /** The last of it, newest first. */
  entries: readonly LogEntry[]
  /** Times that the connection came back, and the events that were caught up with then. */
  recoveries: number
  caughtUp: number
  refusals: number
}

const KEPT = 100

/** Writes down what happens to a client's connection. */
export class ConnectionLog {
  #now: LoggedConnection = { entries: [], recoveries: 0, caughtUp: 0, refusals: 0 }
  #last = 0
  #lostAt: number | undefined
  #wasConnected = false
  readonly #listeners = new Set<() => void>()

  get = (): LoggedConnection => this.#now

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Watches a client until the function that it returns is called. */
  watch(client: Client): () => void {
    let seen: ConnectionState | undefined
    const look = () => {
      if (client.state !== seen) this.#stateChanged((seen = client.state))
    }
    look()
    const offs = [
      client.subscribe(look),
      client.on('resumed', ({ rooms }) => this.#resumed(rooms)),
      client.on('token_expiring', () => this.#add('wait', 'The token expires: a fresh one is asked for')),
      client.on('server_shutdown', ({ reason }) => this.#add('wait', `The server stops: ${reason}`)),
      client.on('auth_error', ({ code, message }) => this.#refused(code, message)),
      client.on('error', ({ code, message }) => this.#refused(code, message)),
      client.on('protocol-error', ({ event, path, message }) => this.#refused(event, `${path}: ${message}`)),
      client.on('refused', ({ event, room, error }) => {
        // A measurement that the connection's end cut short.
        if (event !== 'ping') this.#refused(error.code, `${room ?? event}: ${error.message}`)
      }),
    ]
    return () => offs.forEach((off) => off())
  }

  #stateChanged(state: ConnectionState): void {
    switch (state.status) {
      case 'connected': {
        const away = this.#lostAt === undefined ? '' : ` again, after ${seconds(Date.now() - this.#lostAt)}`
        this.#lostAt = undefined
        this.#wasConnected = true
        return this.#add('live', `Connected${away} by ${state.transport}`)
      }
      case 'reconnecting':
        this.#lostAt ??= Date.now()
        return this.#add('wait', state.attempt === 1 ? `Lost: ${state.reason.message}` : `Try ${state.attempt - 1} failed: ${state.reason.message}`)
      case 'closed':
        this.#lostAt ??= Date.now()
        return this.#add('stop', state.reason.code === 'CLOSED' ? 'Went offline' : `Ended: ${state.reason.message}`)
      default:
        // Connecting again at once, as with a fresh token.
        if (this.#wasConnected) this.#lostAt ??= Date.now()
    }
  }

  #resumed(rooms: readonly { room: string; recovered: boolean; missed: number; error?: { message: string } | null }[]): void {
    const recovered = rooms.filter((room) => room.recovered)
    const missed = recovered.reduce((sum, room) => sum + room.missed, 0)
    this.#change({ recoveries: this.#now.recoveries + 1, caughtUp: this.#now.caughtUp + missed })
    if (recovered.length > 0) this.#add('live', `${count(recovered.length, 'room')} resumed, ${count(missed, 'event')} caught up with`)
    for (const { room, error } of rooms.filter((room) => !room.recovered)) {
      this.#add(error ? 'stop' : 'wait', `${room}: ${error ? error.message : 'too much was missed, read anew'}`)
    }
  }

  #refused(code: string, message: string): void {
    this.#change({ refusals: this.#now.refusals + 1 })
    this.#add('stop', `${code}, ${message}`)
  }

  #add(tone: Tone, text: string): void {
    const entry = { id: (this.#last += 1), time: Date.now(), tone, text }
    this.#change({ entries: [entry, ...this.#now.entries].slice(0, KEPT) })
  }

  #change(change: Partial<LoggedConnection>): void {
    this.#now = { ...this.#now, ...change }
    for (const listener of this.#listeners) listener()
  }
}

function count(number: number, thing: string): string {
  return `${number} ${thing}${number === 1 ? '' : 's'}`
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1_000).toFixed(1)} s`
}
