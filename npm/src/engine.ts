/** The border to WebAssembly: what the engine takes and whom it tells. */

import type { Position, User } from './generated/protocol.js'
import type { PollingSocket } from './pollingSocket.js'
import type { Checks, ClientOptions, ConnectionState, FailureCode, Session, Transport } from './types.js'

/** Makes an engine of the WebAssembly, once that is loaded. What has no check, fits. */
export type MakeEngine = (options: EngineOptions, checks: Checks, host: Host) => Engine

/** Loads the WebAssembly. Called again after a failure. */
export type LoadEngine = () => Promise<MakeEngine>

/** One client's engine. Calls and handles are named by numbers that the caller chooses. */
export interface Engine {
  connect(): void
  disconnect(): void
  /** Ends it: no timer, no socket and no memory stays. */
  close(): void
  token(token?: string): void
  tokenFailed(message: string): void
  emit(call: number, event: string, encoded: Encoded, id: string, timeout?: number, retries?: number): void
  emitVolatile(event: string, encoded: Encoded): Failure | undefined
  cancel(call: number): void
  acknowledge(ack: number, encoded: Encoded): void
  join(handle: number, room: string, events?: string[]): void
  leave(handle: number): void
  page(event: PageEvent): void
  position(room: string): Position | undefined
  users(room: string): User[]
  /** How many there are: rooms that are joined or being joined. */
  readonly stats: { timers: number; sockets: number; rooms: number }
}

/** What happens to the page: `away` is frozen, or put away to come back later. */
export type PageEvent = 'online' | 'offline' | 'shown' | 'away' | 'back'

/** Those of the options that the engine reads. */
export type EngineOptions = Omit<ClientOptions, 'token' | 'checks' | 'logger' | 'WebSocket' | 'fetch'> & { hasToken: boolean }

/** A payload as it travels: JSON, and the binary values that placeholders in it stand for. */
export interface Encoded {
  text: string
  attachments: ArrayBuffer[]
}

/** A failure as it crosses the border. */
export interface Failure {
  code: FailureCode
  message: string
  retryable: boolean
  retryAfterMs?: number | undefined
  /** What there is now, where the server says so. */
  current?: unknown
}

/** Who is told. Every method may call the engine back; one that throws is reported. */
export interface Host {
  /** `session` is the one to take over. */
  openSocket(transport: Transport, session: string | undefined): WebSocket | PollingSocket
  tokenNeeded(): void
  stateChanged(status: ConnectionState['status'], attempt: number, retryAt: number, reason: Failure | undefined, transport: Transport): void
  sessionChanged(session: Session | undefined): void
  /** `room` and `epoch` are both there or neither; `offset` goes with them. `args` are there where they are more than a payload, beginning with the name. */
  arrived(event: string, payload: unknown, room: string | undefined, epoch: string | undefined, offset: number, ack: number | undefined, args: unknown[] | undefined): void
  settled(call: number, failure: Failure | undefined, answer: unknown): void
  joined(handle: number, room: string): void
  refused(handle: number, failure: Failure): void
  recovered(room: string, missed: number): void
  reset(room: string, position: Position): void
  removed(room: string, failure: Failure): void
  presenceChanged(room: string): void
  /** `problem` is a path and what is wrong there: `rows[1].id: expected a string`. */
  fault(event: string, problem: string): void
  /** Shows an error that one of the other methods threw. */
  report(error: unknown): void
}
