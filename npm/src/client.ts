/** The client: what applications call on one side, the engine that decides on the other. */

import { encode } from './encode.js'
import type { Engine, Failure, Host, LoadEngine } from './engine.js'
import { EngineSlot } from './engineSlot.js'
import { SamewireError } from './error.js'
import { answers, payloads } from './generated/checks.js'
import type { ErrorBody, Position, User } from './generated/protocol.js'
import { Listeners, report } from './listeners.js'
import { disposable, once } from './off.js'
import { watchPage, type PageWatch } from './pageEvents.js'
import { Pending } from './pending.js'
import { PollingSocket } from './pollingSocket.js'
import { RoomHandle, SharedPresence, type RoomOwner } from './room.js'
import { requestUrl, serverUrl, socketUrl } from './socketUrl.js'
import type { Checks, Client, ClientEvents, ClientOptions, ConnectionState, EmitOptions, EventContext, Handler, JoinOptions, Off, Reason, Refusal, RoomLifecycle, Session, Stats, Transport } from './types.js'
import { numberedUuids } from './uuid.js'
import { openWebSocket } from './webSocket.js'

const DEFAULT_QUEUE_LIMIT = 1_000

/** The names of what the client itself tells. */
const CLIENT_EVENTS = new Set<string>(['protocol-error', 'refused'] satisfies (keyof ClientEvents)[])

/** Rooms that somebody is in, with what their handles share. */
interface JoinedRoom {
  handles: Set<RoomHandle>
  presence: SharedPresence
}

/** A client of a server at `url`, whose engine comes from `load`. */
export class SamewireClient implements RoomOwner {
  declare readonly [Symbol.dispose]: () => void
  readonly #url: string
  readonly #options: ClientOptions
  readonly #slot: EngineSlot
  readonly #events = new Listeners<string>()
  readonly #inRooms = new Map<string, Listeners<string>>()
  readonly #own = new Listeners<string>()
  readonly #changes = new Listeners<'change'>()
  readonly #calls = new Pending<unknown>((refusal) => this.#tellRefusal(refusal))
  readonly #joins = new Pending<RoomHandle>((refusal) => this.#tellRefusal(refusal))
  readonly #rooms = new Map<string, JoinedRoom>()
  #state: ConnectionState = { status: 'idle' }
  #session: Session | undefined
  /** The newest one. */
  #token: string | undefined
  /** The one that is asked for. */
  #asked: Promise<string | undefined> | undefined
  #page: PageWatch | undefined
  /** Names emits. Made for the first one: where a server renders nothing may be drawn at random. */
  #emitIds: ((call: number) => string) | undefined

  constructor(url: string, options: ClientOptions, load: LoadEngine) {
    this.#url = serverUrl(url)
    this.#options = options
    this.#slot = new EngineSlot(load, (make) => {
      const { token, checks, logger: _logger, WebSocket: _WebSocket, fetch: _fetch, ...rest } = options
      const engine = make({ ...rest, hasToken: token !== undefined }, withOurs(checks), this.#host())
      this.#page = watchPage((event) => engine.page(event))
      return engine
    })
    disposable(this, () => this.close())
    if (options.autoConnect ?? isPage()) this.connect()
  }

  get state(): ConnectionState {
    return this.#state
  }

  get session(): Session | undefined {
    return this.#session
  }

  get stats(): Stats {
    const engine = this.#slot.now
    const ofRooms = [...this.#rooms.values()].flatMap(({ handles, presence }) => [presence.listeners, ...[...handles].map((handle) => handle.lifecycle)])
    return {
      timers: 0,
      sockets: 0,
      rooms: this.#joins.size,
      ...engine?.stats,
      listeners: [this.#events, this.#own, this.#changes, ...this.#inRooms.values(), ...ofRooms].reduce((sum, { size }) => sum + size, this.#page?.size ?? 0),
      pendingEmits: this.#calls.size,
    }
  }

  get positions(): Map<string, Position | undefined> {
    return new Map([...this.#rooms.keys()].map((room) => [room, this.position(room)]))
  }

  subscribe(listener: () => void): Off {
    return this.#changes.add('change', listener)
  }

  on(event: string, handler: Handler<never>, options: { room?: string } = {}): Off {
    if (CLIENT_EVENTS.has(event)) return this.#own.add(event, handler)
    return this.listen(event, handler, options.room)
  }

  listen(event: string, handler: Handler<never>, room?: string): Off {
    if (room === undefined) return this.#events.add(event, handler)
    const listeners = this.#inRooms.get(room) ?? new Listeners()
    this.#inRooms.set(room, listeners)
    const off = listeners.add(event, handler)
    return once(() => {
      off()
      if (listeners.size === 0 && this.#inRooms.get(room) === listeners) this.#inRooms.delete(room)
    })
  }

  async emit(event: string, payload: unknown, options: EmitOptions = {}): Promise<unknown> {
    const encoded = encode(payload)
    if (options.volatile) {
      const failure = this.#slot.now ? this.#slot.now.emitVolatile(event, encoded) : NOT_CONNECTED
      if (failure) throw errorOf(failure)
      return undefined
    }
    if (!this.#slot.now && this.#calls.size >= (this.#options.queueLimit ?? DEFAULT_QUEUE_LIMIT)) {
      throw new SamewireError('QUEUE_FULL', 'too many emits wait for a connection already', true)
    }
    const idOf = (this.#emitIds ??= numberedUuids())
    return this.#calls.start(
      event,
      undefined,
      (call) => this.#whilePending(this.#calls, call, (engine) => engine.emit(call, event, encoded, idOf(call), options.timeout, options.retries)),
      (call) => this.#slot.now?.cancel(call),
      options.signal,
    )
  }

  join(address: string, { events, signal }: JoinOptions = {}): Promise<RoomHandle> {
    const joined = this.#joins.start(
      'room:join',
      address,
      (handle) => this.#whilePending(this.#joins, handle, (engine) => engine.join(handle, address, events && [...events])),
      (handle) => this.#slot.now?.leave(handle),
      signal,
    )
    // Whoever waits for none may listen to `refused`.
    joined.catch(() => {})
    return joined
  }

  async fetch(path: string, init: RequestInit = {}): Promise<Response> {
    const url = requestUrl(this.#url, path)
    const { token: source, fetch = globalThis.fetch } = this.#options
    const request = () => {
      const headers = new Headers(init.headers)
      if (this.#token !== undefined) headers.set('Authorization', `Bearer ${this.#token}`)
      return fetch(url, { ...init, headers })
    }
    if (this.#token === undefined) await this.#askForToken()
    const refused = this.#token
    const response = await request()
    if (response.status !== 401 || typeof source !== 'function') return response
    // Another call may have asked by now.
    if (this.#token === refused) await this.#askForToken()
    return request()
  }

  connect(): void {
    if (this.#slot.now) return this.#slot.now.connect()
    const began = this.#slot.start((error) => this.#loadFailed(error))
    if (began) this.#become({ status: 'connecting' })
    if (began) this.#slot.use((engine) => engine.connect())
  }

  disconnect(): void {
    if (this.#slot.now) return this.#slot.now.disconnect()
    if (this.#slot.stop()) this.#become({ status: 'closed', reason: CLOSED })
  }

  close(): void {
    const closed = new SamewireError(CLOSED.code, CLOSED.message)
    this.#page?.end()
    this.#page = undefined
    this.#slot.clear()
    // Nobody is told `refused` of what fails by this.
    this.#own.clear()
    this.#calls.rejectAll(closed)
    this.#joins.rejectAll(closed)
    for (const { handles, presence } of this.#rooms.values()) {
      for (const handle of handles) handle.end()
      presence.listeners.clear()
    }
    this.#rooms.clear()
    this.#session = this.#token = this.#asked = undefined
    const over = this.#state.status === 'idle' || this.#state.status === 'closed'
    if (!over) this.#become({ status: 'closed', reason: CLOSED })
    for (const listeners of [this.#events, this.#changes, ...this.#inRooms.values()]) listeners.clear()
    this.#inRooms.clear()
  }

  position(room: string): Position | undefined {
    return this.#slot.now?.position(room)
  }

  users(room: string): User[] {
    return this.#slot.now?.users(room) ?? []
  }

  left(handle: RoomHandle): void {
    const room = this.#rooms.get(handle.address)
    if (!room?.handles.delete(handle)) return
    if (room.handles.size === 0) this.#rooms.delete(handle.address)
    this.#slot.now?.leave(handle.id)
  }

  /** Calls the engine when it is there, unless the promise was given up by then. */
  #whilePending(pending: Pending<never> | Pending<unknown> | Pending<RoomHandle>, id: number, call: (engine: Engine) => void): void {
    this.#slot.use((engine) => {
      if (pending.has(id)) call(engine)
    })
  }

  #tellRefusal(refusal: Refusal): void {
    this.#own.call('refused', refusal, {})
  }

  #become(state: ConnectionState): void {
    const { logger } = this.#options
    const failure = failureOf(state, this.#state)
    this.#state = state
    logger?.debug(`samewire: ${state.status}`, state)
    if (failure) (logger ?? console).warn(`samewire: ${failure.code}: ${failure.message}`)
    this.#changes.call('change')
  }

  #loadFailed(error: unknown): void {
    const message = error instanceof Error ? error.message : String(error)
    const remedy = /CSP|Content.Security|unsafe-eval/i.test(message) ? " (the page's Content-Security-Policy needs script-src 'wasm-unsafe-eval')" : ''
    const failed = new SamewireError('LOAD_FAILED', `the WebAssembly couldn't be loaded: ${message}${remedy}`, true)
    this.#slot.clear()
    this.#calls.rejectAll(failed)
    this.#joins.rejectAll(failed)
    this.#become({ status: 'closed', reason: { code: failed.code, message: failed.message } })
  }

  #host(): Host {
    const { logger, WebSocket = globalThis.WebSocket } = this.#options
    return {
      openSocket: (transport, session) => {
        const address = socketUrl(this.#url, this.#options, transport, session)
        return transport === 'polling' ? new PollingSocket(address) : openWebSocket(WebSocket, address)
      },
      tokenNeeded: () => void this.#giveToken(),
      stateChanged: (status, attempt, retryAt, reason, transport) => {
        if (reason?.code === 'CONNECT_FAILED') reason.message = `no connection to ${this.#url}: ${reason.message}`
        this.#become(stateOf(status, attempt, retryAt, reason, transport))
      },
      sessionChanged: (session) => {
        this.#session = session
        this.#changes.call('change')
      },
      arrived: (event, payload, room, epoch, offset, ack, args) => this.#arrived(event, payload, room, epoch, offset, ack, args),
      settled: (call, failure, answer) => (failure ? this.#calls.reject(call, errorOf(failure, (answer as ErrorBody | undefined)?.current)) : this.#calls.resolve(call, answer)),
      joined: (handle, room) => this.#joined(handle, room),
      refused: (handle, failure) => this.#joins.reject(handle, errorOf(failure)),
      recovered: (room, missed) => this.#tellRoom(room, 'recovered', { missed }),
      reset: (room, position) => this.#tellRoom(room, 'reset', { position }),
      removed: (room, failure) => this.#removed(room, failure),
      presenceChanged: (room) => this.#rooms.get(room)?.presence.changed(),
      fault: (event, problem) => {
        logger?.warn(`samewire: ${event} doesn't fit its type: ${problem}`)
        const at = problem.indexOf(': ')
        this.#own.call('protocol-error', { event, path: problem.slice(0, at), message: problem.slice(at + 2) }, {})
      },
      report,
    }
  }

  async #giveToken(): Promise<void> {
    const engine = this.#slot.now
    try {
      const token = await this.#askForToken()
      if (engine === this.#slot.now) engine?.token(token)
    } catch (error) {
      if (engine === this.#slot.now) engine?.tokenFailed(error instanceof Error ? error.message : String(error))
    }
  }

  /** Whoever needs a token while one is asked for is given that one. */
  #askForToken(): Promise<string | undefined> {
    if (this.#asked) return this.#asked
    const source = this.#options.token
    const asked = (async () => (typeof source === 'function' ? await source() : source) ?? undefined)()
    this.#asked = asked
    const settled = (token: string | undefined) => {
      if (this.#asked !== asked) return
      this.#asked = undefined
      this.#token = token
    }
    asked.then(settled, () => settled(this.#token))
    return asked
  }

  #arrived(event: string, payload: unknown, room: string | undefined, epoch: string | undefined, offset: number, ack: number | undefined, args: unknown[] | undefined): void {
    const inRoom = room === undefined ? undefined : this.#inRooms.get(room)
    if (!this.#events.has(event) && !inRoom?.has(event)) return
    const context: EventContext = {
      ...(room !== undefined && epoch !== undefined ? { room, position: { epoch, offset } } : args !== undefined && { rest: args.slice(2) }),
      ...(ack !== undefined && { acknowledge: (answer: unknown) => this.#acknowledge(ack, answer) }),
    }
    this.#events.call(event, payload, context)
    inRoom?.call(event, payload, context)
  }

  #acknowledge(ack: number, answer: unknown): void {
    this.#slot.now?.acknowledge(ack, encode(answer))
  }

  #joined(id: number, address: string): void {
    let room = this.#rooms.get(address)
    if (!room) this.#rooms.set(address, (room = { handles: new Set(), presence: new SharedPresence(() => this.users(address)) }))
    const handle = new RoomHandle(id, address, this, room.presence)
    room.handles.add(handle)
    this.#joins.resolve(id, handle)
  }

  #removed(address: string, failure: Failure): void {
    const room = this.#rooms.get(address)
    this.#rooms.delete(address)
    for (const handle of room?.handles ?? []) {
      handle.lifecycle.call('removed', errorOf(failure), { room: address })
      handle.end()
    }
  }

  #tellRoom<Event extends keyof RoomLifecycle>(address: string, event: Event, payload: RoomLifecycle[Event]): void {
    for (const handle of [...(this.#rooms.get(address)?.handles ?? [])]) handle.lifecycle.call(event, payload, { room: address })
  }
}

const CLOSED = { code: 'CLOSED', message: 'the client was closed' }
const NOT_CONNECTED: Failure = { code: 'NOT_CONNECTED', message: 'there is no connection', retryable: true }

/** Makes what a package entry exports, around the loader that fits its environment. */
export function createClientWith(load: LoadEngine): (url: string, options?: ClientOptions) => Client {
  return (url, options = {}) => new SamewireClient(url, options, load) as Client
}

/** The checks of all events. What isn't the name of one leads to nothing: that of a method that all objects have, for example. */
function withOurs(checks: Checks | undefined): Checks {
  const all = <Table>(own: object, ours: Table): Table => Object.assign(Object.create(null), own, ours)
  return checks ? { payloads: all(checks.payloads, payloads), answers: all(checks.answers, answers) } : { payloads, answers }
}

/** What is wrong from the beginning: who develops is told once, and nothing of a connection that was lost. */
function failureOf(state: ConnectionState, before: ConnectionState): Reason | undefined {
  const fails = state.status === 'closed' || (state.status === 'reconnecting' && state.attempt === 1 && before.status !== 'connected')
  return fails && state.reason.code !== CLOSED.code ? state.reason : undefined
}

function isPage(): boolean {
  return typeof window !== 'undefined' || 'WorkerGlobalScope' in globalThis
}

function errorOf({ code, message, retryable, retryAfterMs }: Failure, current?: unknown): SamewireError {
  return new SamewireError(code, message, retryable, retryAfterMs, current)
}

function stateOf(status: ConnectionState['status'], attempt: number, retryAt: number, failure: Failure | undefined, transport: Transport): ConnectionState {
  const reason = { code: failure?.code ?? 'CLOSED', message: failure?.message ?? '' }
  switch (status) {
    case 'connected':
      return { status, transport }
    case 'reconnecting':
      return { status, attempt, retryAt, reason }
    case 'closed':
      return { status, reason }
    default:
      return { status }
  }
}
