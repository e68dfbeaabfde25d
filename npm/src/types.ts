/**
 * The public surface of the client: what `createClient` gives, and all that follows from it.
 *
 * Events and payloads come from the protocol (`./generated/protocol.ts`), which is made from the
 * Rust crate; this file says how they are spoken.
 */

import type { Answers, Authenticated, ClientPayloads, ErrorCode, Position, RoomEvents, ServerPayloads, User } from './generated/protocol.js'
import type { SamewireError } from './error.js'

// `using` and `Disposable` for consumers whose `lib` doesn't have them yet; merges with those that do.
declare global {
  interface SymbolConstructor {
    readonly dispose: unique symbol
  }
  interface Disposable {
    [Symbol.dispose](): void
  }
}

/**
 * Events of your own, declared by module augmentation: by samewire-codegen, which writes their
 * {@link Checks}, too, or by hand. Those that name no `rooms` may be sent to rooms of any kind.
 *
 * @example
 * declare module 'samewire' {
 *   interface CustomEvents {
 *     piece_moved: { received: { from: string; to: string }; rooms: 'game' }
 *     move_piece: { sent: { from: string; to: string }; answer: { legal: boolean } }
 *   }
 * }
 */
export interface CustomEvents {}

type Custom<Part extends 'received' | 'sent' | 'answer'> = {
  [Name in keyof CustomEvents as CustomEvents[Name] extends Record<Part, unknown> ? Name : never]: CustomEvents[Name] extends Record<Part, infer Type> ? Type : never
}

/** The kinds of rooms that custom events name. */
type CustomKind = { [Name in keyof CustomEvents]: CustomEvents[Name] extends { rooms: infer Kinds } ? Kinds : never }[keyof CustomEvents] & string

/** The custom events that may be sent to a kind of room. */
type CustomIn<Kind> = {
  [Name in keyof Custom<'received'>]: CustomEvents[Name] extends { rooms: infer Kinds } ? (Kind extends Kinds ? Name : never) : Name
}[keyof Custom<'received'>] &
  string

/** What the server may send: event → payload. */
export type Received = ServerPayloads & Custom<'received'>

/** What a client may send: event → payload. */
export type Sent = ClientPayloads & Custom<'sent'>

/** The name of an event that the server may send. */
export type ReceivedEvent = keyof Received & string

/** The name of an event that a client may send. */
export type SentEvent = keyof Sent & string

/** What the acknowledgement of an event carries. */
export type AnswerTo<Event extends SentEvent> = Event extends keyof Answers ? Answers[Event] : Event extends keyof Custom<'answer'> ? Custom<'answer'>[Event] : unknown

/** What the client itself tells, besides what the server sends: event → payload. */
export interface ClientEvents {
  /** What arrived doesn't fit its type, and reached no handler. */
  'protocol-error': ProtocolError
  /** An emit or a join failed. Its promise rejects with the same error; this is for who watches all of them. */
  refused: Refusal
}

/** An emit or a join that failed. */
export interface Refusal {
  /** What was emitted; `room:join` for a join. */
  event: string
  /** The room that wasn't joined. */
  room: string | undefined
  /** Why. */
  error: SamewireError
}

/** A payload or an answer that doesn't fit its type. */
export interface ProtocolError {
  /** The event it came with, or the frame's kind. */
  event: string
  /** The field that is wrong. */
  path: string
  /** What is wrong with it. */
  message: string
}

/** Ends what was begun: a function, and a `Disposable` for `using`. A second call does nothing. */
export interface Off extends Disposable {
  (): void
}

/** What came along with an event. */
export interface EventContext {
  /** The room it was sent to; none where it was sent to this connection alone. */
  readonly room?: string
  /** Its place in the room's log. */
  readonly position?: Position
  /** What came after the payload, where a server without ours sent more than one argument. */
  readonly rest?: readonly unknown[]
  /** Answers the server, where it wants to hear. */
  readonly acknowledge?: (answer: unknown) => void
}

/** Takes an event. */
export type Handler<Payload> = (payload: Payload, context: EventContext) => void

/** Who is asked for a token. Called again whenever a fresh one is needed. */
export type TokenSource = string | (() => string | null | undefined | Promise<string | null | undefined>)

/** How a client behaves. Names and meanings are socket.io-client's where it has the option. */
export interface ClientOptions {
  /** The token, or a function that is called whenever one is needed. */
  token?: TokenSource
  /** Connects at once. Default `true`. Never on a server that renders: there `connect` is needed. */
  autoConnect?: boolean
  /** Whether to reconnect. Default `true`. */
  reconnection?: boolean
  /** Tries before giving up. Default `Infinity`. */
  reconnectionAttempts?: number
  /** Milliseconds before the first try. Default 1,000. */
  reconnectionDelay?: number
  /** Milliseconds between tries, at most. Default 5,000. */
  reconnectionDelayMax?: number
  /** How far a delay is drawn from its middle: 0 to 1. Default 0.5. */
  randomizationFactor?: number
  /** Milliseconds that one try to connect may take. Default 20,000. */
  timeout?: number
  /** What to connect by, in order. Default `['websocket', 'polling']`. */
  transports?: Transport[]
  /** The path the server listens at. Default `/socket.io/`. */
  path?: string
  /** Further query parameters of the connection. */
  query?: Record<string, string>
  /** Milliseconds to wait for an acknowledgement, each try. Default 10,000. */
  ackTimeout?: number
  /** Times an emit is sent again after a lost connection or a missed acknowledgement. Default 3. */
  retries?: number
  /** Emits kept while offline. Past it an emit is refused with `QUEUE_FULL`. Default 1,000. */
  queueLimit?: number
  /** Bytes that the binary values of one event may have together; past it the event is a `protocol-error`. Default 64 MiB. */
  maxAttachmentBytes?: number
  /** Checks of your own events. Without them, what arrives of those is typed but not checked. */
  checks?: Checks
  /** Is told what goes on. Without one, `console` is told why no connection could be made. */
  logger?: Logger
  /** Makes the sockets. Default `globalThis.WebSocket`. */
  WebSocket?: WebSocketConstructor
  /** Makes the requests of `Client.fetch`. Default `globalThis.fetch`. */
  fetch?: Fetch
}

/** Says nothing where a value fits, else what is wrong and where: `projects[0].id: expected a string`. */
export type Check = (value: unknown) => string | undefined

/** Checks of events, as samewire-codegen writes them: by the event, of its payload and of the answer to it. */
export interface Checks {
  payloads: Readonly<Record<string, Check>>
  answers: Readonly<Record<string, Check>>
}

/** How bytes travel. */
export type Transport = 'websocket' | 'polling'

/** What a WebSocket is made by: the browser's, or one that speaks like it. */
export type WebSocketConstructor = new (url: string) => WebSocket

/** What a request is made by: the environment's `fetch`, or what behaves like it. */
export type Fetch = (url: URL, init?: RequestInit) => Promise<Response>

/** Is told what goes on, `console` for example. */
export interface Logger {
  debug(message: string, ...details: unknown[]): void
  warn(message: string, ...details: unknown[]): void
}

/** Why a connection ended, or could not be made. */
export interface Reason {
  /** For programs. */
  readonly code: FailureCode
  /** For people. */
  readonly message: string
}

/** How the connection is. */
export type ConnectionState =
  /** Not asked to connect yet. */
  | { readonly status: 'idle' }
  /** Opening a socket. */
  | { readonly status: 'connecting' }
  /** The socket is open; the server hasn't let us in yet. */
  | { readonly status: 'authenticating' }
  /** Events flow. */
  | { readonly status: 'connected'; readonly transport: Transport }
  /** The connection was lost, and will be tried again at `retryAt` (milliseconds since 1970). */
  | { readonly status: 'reconnecting'; readonly attempt: number; readonly retryAt: number; readonly reason: Reason }
  /** Over, until `connect` is called. */
  | { readonly status: 'closed'; readonly reason: Reason }

/** The codes of failures that the client itself finds. */
export type ClientErrorCode =
  /** The client was closed. */
  | 'CLOSED'
  /** The connection was lost, and the emit couldn't be sent again. */
  | 'CONNECTION_LOST'
  /** The server couldn't be reached. */
  | 'CONNECT_FAILED'
  /** The server ended the connection. */
  | 'DISCONNECTED'
  /** No ping came in time. */
  | 'PING_TIMEOUT'
  /** The server is about to stop. */
  | 'SERVER_SHUTDOWN'
  /** No acknowledgement, or no connection, came in time. */
  | 'TIMEOUT'
  /** More emits wait than `queueLimit`. */
  | 'QUEUE_FULL'
  /** A volatile emit while there was no connection. */
  | 'NOT_CONNECTED'
  /** The token function failed. */
  | 'TOKEN_UNAVAILABLE'
  /** The room handle was left. */
  | 'LEFT'
  /** What the server answered doesn't fit its type, or isn't Socket.IO. */
  | 'INVALID_ANSWER'
  /** What was to be sent can't be written as JSON. */
  | 'INVALID_PAYLOAD'
  /** The WebAssembly couldn't be loaded. */
  | 'LOAD_FAILED'

/** Why something failed: the protocol's codes, the client's own, or one of a custom event. */
export type FailureCode = ErrorCode | ClientErrorCode | (string & {})

/** How one emit is treated. */
export interface EmitOptions {
  /** Milliseconds to wait for an acknowledgement, each try. Default the client's `ackTimeout`. */
  timeout?: number
  /** Times it is sent again. Default the client's `retries`. */
  retries?: number
  /** Gives the emit up. */
  signal?: AbortSignal
  /** Sent now or never, not acknowledged. */
  volatile?: boolean
}

/** Who one is on this connection: what the server said at sign-in. */
export type Session = Authenticated

/** How many of each are live. All are 0 after `close`. */
export interface Stats {
  /** Timers that are set. */
  timers: number
  /** Handlers and state listeners. */
  listeners: number
  /** Sockets that are open, or being opened. */
  sockets: number
  /** Rooms that are joined, or being joined. */
  rooms: number
  /** Emits that wait for their acknowledgement. */
  pendingEmits: number
}

/** A connection to a Samewire server, or to any Socket.IO server. */
export interface Client extends Disposable {
  /** How the connection is. The same object until it changes. */
  readonly state: ConnectionState
  /** Who one is, while connected and signed in. The same object until it changes. */
  readonly session: Session | undefined
  /** How many of each are live. */
  readonly stats: Stats
  /** The rooms that were joined, and how much of each one's log was delivered. */
  readonly positions: ReadonlyMap<string, Position | undefined>

  /** Calls the listener after each change of `state` or `session`. */
  subscribe(listener: () => void): Off

  /** Takes an event, of one room when `room` is given, else from wherever it comes. */
  on<Event extends ReceivedEvent>(event: Event, handler: Handler<Received[Event]>, options?: { room?: string }): Off
  /** Takes what the client itself tells. */
  on<Event extends keyof ClientEvents>(event: Event, handler: Handler<ClientEvents[Event]>): Off

  /**
   * Sends an event, now or when connected, and resolves with what the server answers.
   *
   * Rejects with a {@link SamewireError}, or with the signal's reason.
   */
  emit<Event extends SentEvent>(event: Event, payload: Sent[Event], options: EmitOptions & { volatile: true }): Promise<void>
  emit<Event extends SentEvent>(event: Event, payload: Sent[Event], options?: EmitOptions): Promise<AnswerTo<Event>>

  /**
   * Joins a room, `kind:id`. Two joins of one room are one; the last handle to leave leaves.
   *
   * Rejects with the server's code. Before the connection is there, it waits.
   */
  join<Address extends RoomAddress>(address: Address, options?: JoinOptions<KindOf<Address>>): Promise<Room<KindOf<Address>>>

  /**
   * Calls the server by HTTP, with the token. Takes and gives what `fetch` does, connected or not.
   *
   * A token that the server refuses is asked for once more where a function gives it. Rejects with a
   * `TypeError` for the address of another server, which the token is not for.
   */
  fetch(path: string, init?: RequestInit): Promise<Response>

  /** Connects, where `autoConnect` didn't or after `close`. */
  connect(): void
  /** Ends the connection. Rooms and listeners stay, and are there again after `connect`. */
  disconnect(): void
  /** Ends everything: no timer, socket, listener or wasm memory stays. */
  close(): void
}

/** What kinds of rooms there are. */
export type RoomKind = (keyof RoomEvents & string) | CustomKind

/** Where a room is: `kind:id`. */
export type RoomAddress = `${RoomKind}:${string}`

/** The kind in an address. */
export type KindOf<Address extends string> = Address extends `${infer Kind}:${string}` ? (Kind extends RoomKind ? Kind : RoomKind) : RoomKind

/** The events that are sent to rooms of a kind. */
export type EventOf<Kind extends RoomKind> = Kind extends RoomKind ? (Kind extends keyof RoomEvents ? RoomEvents[Kind] & ReceivedEvent : never) | CustomIn<Kind> : never

/** How a room is joined. */
export interface JoinOptions<Kind extends RoomKind = RoomKind> {
  /** Only these of its events are sent. Presence always is. */
  events?: readonly EventOf<Kind>[]
  /** Gives the join up. */
  signal?: AbortSignal
}

/** What a room itself tells, besides the events that are sent to it: event → payload. */
export interface RoomLifecycle {
  /** After a reconnect: everything that was missed has been delivered. */
  recovered: { missed: number }
  /** What was missed is lost: read the state anew. */
  reset: { position: Position }
  /** The server took the room away; the handle hears no more. */
  removed: SamewireError
}

/** A handle on a joined room. Its listeners end with it. */
export interface Room<Kind extends RoomKind = RoomKind> extends Disposable {
  /** `kind:id`. */
  readonly address: string
  /** How much of the room's log has been delivered. */
  readonly position: Position | undefined
  /** Who is there. */
  readonly presence: Presence

  /** Takes what the room itself tells. */
  on<Event extends keyof RoomLifecycle>(event: Event, handler: Handler<RoomLifecycle[Event]>): Off
  /** Takes an event of this room. */
  on<Event extends EventOf<Kind>>(event: Event, handler: Handler<Received[Event]>): Off

  /** Ends the handle and its listeners. A second call does nothing. */
  leave(): void
}

/** Who is in a room. */
export interface Presence {
  /** Everybody. The same array until it changes, a user the same object until that user changes. */
  readonly users: readonly User[]
  /** Calls the listener after each change. */
  subscribe(listener: () => void): Off
}
