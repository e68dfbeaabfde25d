/** The client: what applications call on one side, the engine that decides on the other. */

import { encode } from './encode.js'
import type { Engine, Failure, Host, LoadEngine } from './engine.js'
import { EngineSlot } from './engineSlot.js'
import { SamewireError } from './error.js'
import { answers, payloads } from './generated/checks.js'
import type { Position, User } from './generated/protocol.js'
import { Listeners, report } from './listeners.js'
import { disposable, once } from './off.js'
import { watchPage, type PageWatch } from './pageEvents.js'
import { Pending } from './pending.js'
import { openPollingSocket } from './pollingSocket.js'
import { RoomHandle, SharedPresence } from './room.js'
import { requestUrl, serverUrl, socketUrl } from './socketUrl.js'
import type { Checks, Client, ClientEvents, ClientOptions, ConnectionState, EmitOptions, EventContext, Handler, JoinOptions, Off, Reason, Refusal, RoomLifecycle, Session, Stats, Transport } from './types.js'
import { numberedUuids } from './uuid.js'
import { openWebSocket } from './webSocket.js'

const DEFAULT_QUEUE_LIMIT = 1_000

/** The names of what the client itself tells. */
const CLIENT_EVENTS = ['protocol-error', 'refused'] satisfies (keyof ClientEvents)[] as string[]

/** Rooms that somebody is in, with what their handles share. */
interface JoinedRoom {
  handles: Set<RoomHandle>
  presence: SharedPresence
}

/** Makes a client of a server at `url`, whose engine comes from `load`. */
function makeClient(url: string, options: ClientOptions, load: LoadEngine) {
  serverUrl(url)
  const anywhere = new Listeners<string>()
  const inRooms = new Map<string, Listeners<string>>()
  const own = new Listeners<string>()
  const changes = new Listeners<'change'>()
  const calls = new Pending<unknown>(tellRefusal)
  const joins = new Pending<RoomHandle>(tellRefusal)
  const rooms = new Map<string, JoinedRoom>()
  let state: ConnectionState = { status: 'idle' }
  let session: Session | undefined
  let newestToken: string | undefined
  /** The token that is asked for. */
  let asked: Promise<string | undefined> | undefined
  let page: PageWatch | undefined
  /** Names emits. Made for the first one: where a server renders nothing may be drawn at random. */
  let emitIds: ((call: number) => string) | undefined

  const slot = new EngineSlot(load, (make) => {
    const { token, checks, logger: _logger, WebSocket: _WebSocket, fetch: _fetch, ...rest } = options
    const engine = make({ ...rest, hasToken: token !== undefined }, withOurs(checks), host())
    page = watchPage((event) => engine.page(event))
    return engine
  })

  const client = {
    get state(): ConnectionState {
      return state
    },

    get session(): Session | undefined {
      return session
    },

    get stats(): Stats {
      const engine = slot.now
      const ofRooms = [...rooms.values()].flatMap(({ handles, presence }) => [presence.listeners, ...[...handles].map((handle) => handle.lifecycle)])
      return {
        timers: 0,
        sockets: 0,
        rooms: joins.size,
        ...engine?.stats,
        listeners: [anywhere, own, changes, ...inRooms.values(), ...ofRooms].reduce((sum, { size }) => sum + size, page?.size ?? 0),
        pendingEmits: calls.size,
      }
    },

    get positions(): Map<string, Position | undefined> {
      return new Map([...rooms.keys()].map((room) => [room, position(room)]))
    },

    subscribe: (listener: () => void) => changes.add('change', listener),
    on,
    emit,
    join,
    fetch,
    connect,
    disconnect,
    close,
  }
  disposable(client, close)
  if (options.autoConnect ?? isPage()) connect()
  return client as typeof client & Disposable

  function on(event: string, handler: Handler<never>, { room }: { room?: string } = {}): Off {
    if (CLIENT_EVENTS.includes(event)) return own.add(event, handler)
    return listen(event, handler, room)
  }

  function listen(event: string, handler: Handler<never>, room?: string): Off {
    if (room === undefined) return anywhere.add(event, handler)
    const listeners = inRooms.get(room) ?? new Listeners()
    inRooms.set(room, listeners)
    const off = listeners.add(event, handler)
    return once(() => {
      off()
      if (listeners.size === 0 && inRooms.get(room) === listeners) inRooms.delete(room)
    })
  }

  async function emit(event: string, payload: unknown, { volatile, timeout, retries, signal }: EmitOptions = {}): Promise<unknown> {
    const encoded = encode(payload)
    if (volatile) {
      const failure = slot.now ? slot.now.emitVolatile(event, encoded) : NOT_CONNECTED
      if (failure) throw errorOf(failure)
      return undefined
    }
    if (!slot.now && calls.size >= (options.queueLimit ?? DEFAULT_QUEUE_LIMIT)) {
      throw new SamewireError('QUEUE_FULL', 'too many emits wait already', true)
    }
    const idOf = (emitIds ??= numberedUuids())
    return calls.start(
      event,
      undefined,
      (call) => whilePending(calls, call, (engine) => engine.emit(call, event, encoded, idOf(call), timeout, retries)),
      (call) => slot.now?.cancel(call),
      signal,
    )
  }

  function join(address: string, { events, signal }: JoinOptions = {}): Promise<RoomHandle> {
    const joined = joins.start(
      'room:join',
      address,
      (handle) => whilePending(joins, handle, (engine) => engine.join(handle, address, events && [...events])),
      (handle) => slot.now?.leave(handle),
      signal,
    )
    // Whoever waits for none may listen to `refused`.
    joined.catch(() => {})
    return joined
  }

  async function fetch(path: string, init: RequestInit = {}): Promise<Response> {
    const address = requestUrl(url, path)
    const { token: source, fetch = globalThis.fetch } = options
    const request = () => {
      const headers = new Headers(init.headers)
      if (newestToken !== undefined) headers.set('Authorization', `Bearer ${newestToken}`)
      return fetch(address, { ...init, headers })
    }
    if (newestToken === undefined) await askForToken()
    const refused = newestToken
    const response = await request()
    if (response.status !== 401 || typeof source !== 'function') return response
    // Another call may have asked by now.
    if (newestToken === refused) await askForToken()
    return request()
  }

  function connect(): void {
    if (slot.now) return slot.now.connect()
    if (!slot.start(loadFailed)) return
    become({ status: 'connecting' })
    slot.use((engine) => engine.connect())
  }

  function disconnect(): void {
    if (slot.now) return slot.now.disconnect()
    if (slot.stop()) become({ status: 'closed', reason: CLOSED })
  }

  function close(): void {
    const closed = new SamewireError(CLOSED.code, CLOSED.message)
    page?.end()
    page = undefined
    slot.clear()
    // Nobody is told `refused` of what fails by this.
    own.clear()
    calls.rejectAll(closed)
    joins.rejectAll(closed)
    for (const { handles, presence } of rooms.values()) {
      for (const handle of handles) handle.end()
      presence.listeners.clear()
    }
    rooms.clear()
    session = newestToken = asked = undefined
    const over = state.status === 'idle' || state.status === 'closed'
    if (!over) become({ status: 'closed', reason: CLOSED })
    for (const listeners of [anywhere, changes, ...inRooms.values()]) listeners.clear()
    inRooms.clear()
  }

  function position(room: string): Position | undefined {
    return slot.now?.position(room)
  }

  function users(room: string): User[] {
    return slot.now?.users(room) ?? []
  }

  function left(handle: RoomHandle): void {
    const room = rooms.get(handle.address)
    if (!room?.handles.delete(handle)) return
    if (room.handles.size === 0) rooms.delete(handle.address)
    slot.now?.leave(handle.id)
  }

  /** Calls the engine when it is there, unless the promise was given up by then. */
  function whilePending(pending: Pending<never> | Pending<unknown> | Pending<RoomHandle>, id: number, call: (engine: Engine) => void): void {
    slot.use((engine) => {
      if (pending.has(id)) call(engine)
    })
  }

  function tellRefusal(refusal: Refusal): void {
    own.call('refused', refusal, {})
  }

  function become(next: ConnectionState): void {
    const { logger } = options
    const failure = failureOf(next, state)
    state = next
    logger?.debug(`samewire: ${next.status}`, next)
    if (failure) (logger ?? console).warn(`samewire: ${failure.code}: ${failure.message}`)
    changes.call('change')
  }

  function loadFailed(error: unknown): void {
    const message = error instanceof Error ? error.message : String(error)
    const remedy = /CSP|Content.Security|unsafe-eval/i.test(message) ? " (the page's Content-Security-Policy needs script-src 'wasm-unsafe-eval')" : ''
    const failed = new SamewireError('LOAD_FAILED', `the WebAssembly couldn't be loaded: ${message}${remedy}`, true)
    slot.clear()
    calls.rejectAll(failed)
    joins.rejectAll(failed)
    become({ status: 'closed', reason: { code: failed.code, message: failed.message } })
  }

  function host(): Host {
    const { logger, WebSocket = globalThis.WebSocket } = options
    return {
      openSocket: (transport, session) => {
        const address = socketUrl(url, options, transport, session)
        return transport === 'polling' ? openPollingSocket(address) : openWebSocket(WebSocket, address)
      },
      tokenNeeded: () => void giveToken(),
      stateChanged: (status, attempt, retryAt, reason, transport) => {
        if (reason?.code === 'CONNECT_FAILED') reason.message = `no connection to ${url}: ${reason.message}`
        become(stateOf(status, attempt, retryAt, reason, transport))
      },
      sessionChanged: (changed) => {
        session = changed
        changes.call('change')
      },
      arrived,
      settled: (call, failure, answer) => (failure ? calls.reject(call, errorOf(failure)) : calls.resolve(call, answer)),
      joined,
      refused: (handle, failure) => joins.reject(handle, errorOf(failure)),
      recovered: (room, missed) => tellRoom(room, 'recovered', { missed }),
      reset: (room, position) => tellRoom(room, 'reset', { position }),
      removed,
      presenceChanged: (room) => rooms.get(room)?.presence.changed(),
      fault: (event, problem) => {
        logger?.warn(`samewire: ${event} doesn't fit its type: ${problem}`)
        const at = problem.indexOf(': ')
        own.call('protocol-error', { event, path: problem.slice(0, at), message: problem.slice(at + 2) }, {})
      },
      report,
    }
  }

  async function giveToken(): Promise<void> {
    const engine = slot.now
    try {
      const token = await askForToken()
      if (engine === slot.now) engine?.token(token)
    } catch (error) {
      if (engine === slot.now) engine?.tokenFailed(error instanceof Error ? error.message : String(error))
    }
  }

  /** Whoever needs a token while one is asked for is given that one. */
  function askForToken(): Promise<string | undefined> {
    if (asked) return asked
    const source = options.token
    const asking = (async () => (typeof source === 'function' ? await source() : source) ?? undefined)()
    asked = asking
    const settled = (token: string | undefined) => {
      if (asked !== asking) return
      asked = undefined
      newestToken = token
    }
    asking.then(settled, () => settled(newestToken))
    return asking
  }

  function arrived(event: string, payload: unknown, room: string | undefined, epoch: string | undefined, offset: number, ack: number | undefined, args: unknown[] | undefined): void {
    const inRoom = room === undefined ? undefined : inRooms.get(room)
    if (!anywhere.has(event) && !inRoom?.has(event)) return
    const context: EventContext = {
      ...(room !== undefined && epoch !== undefined ? { room, position: { epoch, offset } } : args !== undefined && { rest: args.slice(2) }),
      ...(ack !== undefined && { acknowledge: (answer: unknown) => slot.now?.acknowledge(ack, encode(answer)) }),
    }
    anywhere.call(event, payload, context)
    inRoom?.call(event, payload, context)
  }

  function joined(id: number, address: string): void {
    let room = rooms.get(address)
    if (!room) rooms.set(address, (room = { handles: new Set(), presence: new SharedPresence(() => users(address)) }))
    const handle = new RoomHandle(id, address, { listen, position, users, left }, room.presence)
    room.handles.add(handle)
    joins.resolve(id, handle)
  }

  function removed(address: string, failure: Failure): void {
    const room = rooms.get(address)
    rooms.delete(address)
    for (const handle of room?.handles ?? []) {
      handle.lifecycle.call('removed', errorOf(failure), { room: address })
      handle.end()
    }
  }

  function tellRoom<Event extends keyof RoomLifecycle>(address: string, event: Event, payload: RoomLifecycle[Event]): void {
    for (const handle of [...(rooms.get(address)?.handles ?? [])]) handle.lifecycle.call(event, payload, { room: address })
  }
}

const CLOSED = { code: 'CLOSED', message: 'the client was closed' }
const NOT_CONNECTED: Failure = { code: 'NOT_CONNECTED', message: 'there is no connection', retryable: true }

/** Makes what a package entry exports, around the loader that fits its environment. */
export function createClientWith(load: LoadEngine): (url: string, options?: ClientOptions) => Client {
  return (url, options = {}) => makeClient(url, options, load) as Client
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

function errorOf({ code, message, retryable, retryAfterMs, current }: Failure): SamewireError {
  return new SamewireError(code, message, retryable, retryAfterMs, current)
}

function stateOf(status: ConnectionState['status'], attempt: number, retryAt: number, failure: Failure | undefined, transport: Transport): ConnectionState {
  const { code, message } = failure ?? CLOSED
  const reason = { code, message }
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
