/** A server without a network, for tests of components: it does what the test says, and the client is the real one. */

// By the package's own name, so that its conditions choose the loader: inlined in Node.js.
import { createClient } from 'samewire'
import { SamewireError } from '../error.js'
import { PROTOCOL_VERSION, type Ack, type Joined, type Position, type PresenceUpdate, type RoomHistory, type RoomJoin, type User } from '../generated/protocol.js'
import type { AnswerTo, Client, ClientOptions, EventOf, FailureCode, KindOf, Received, ReceivedEvent, RoomAddress, Sent, SentEvent } from '../types.js'
import { Connection, type ConnectionHandler, type Emit, type Handshake } from './Connection.js'
import { problem, refusal, Routes, type RequestHandler } from './routes.js'
import { TestRoom } from './TestRoom.js'
import { socketsOf, type TestSocket } from './TestSocket.js'

/** Answers an event with what it is acknowledged by; throws a {@link SamewireError} to refuse it. */
export type EventHandler<Event extends SentEvent> = (payload: Sent[Event], from: { userId: string }) => AnswerTo<Event> | Promise<AnswerTo<Event>>

/** Lifts a refusal. */
export type Admit = () => void

/** What a client emitted. */
export interface Emitted {
  event: string
  payload: unknown
  userId: string
}

/** Who signs in where a test says nothing else. */
const DEFAULT_USER = 'ada'
const KEEPING_UP = new Set<string>(['ping', 'room:history'] satisfies SentEvent[])
const FAR_AWAY = '2100-01-01T00:00:00.000Z'

export class TestServer {
  /** Emits that came, the oldest first: all but those by which a client keeps itself alive and up to date. */
  readonly emits: Emitted[] = []
  /** Events that clients acknowledged where they were asked to, the oldest first. */
  readonly acknowledged: Emitted[] = []
  /** Whether connections can be opened. `drop` breaks those that are. */
  reachable = true
  readonly #connections = new Set<Connection>()
  readonly #rooms = new Map<string, TestRoom>()
  readonly #clients: Client[] = []
  readonly #handlers = new Map<string, (payload: never, from: { userId: string }) => unknown>()
  readonly #routes = new Routes()
  /** Answers by the ids of their emits: what comes twice is acted on once. */
  readonly #answers = new Map<string, Promise<Ack<unknown>>>()
  readonly #usersByToken = new Map<string, string>()
  readonly #expired = new Set<string>()
  readonly #refusedEvents = new Map<string, SamewireError>()
  readonly #refusedRooms = new Map<string, SamewireError>()
  #refusedConnections: SamewireError | undefined
  #frozen = false

  /** For a client, or a `SamewireProvider`, that something else makes: they lead it here. */
  readonly options = {
    WebSocket: socketsOf((socket) => this.#opened(socket)),
    fetch: (url: URL, init: RequestInit = {}) => this.#called(url, init),
    transports: ['websocket'],
    reconnectionDelay: 10,
    randomizationFactor: 0,
  } satisfies ClientOptions

  /** How many connections there are. */
  get connections(): number {
    return this.#connections.size
  }

  /** Makes a client that connects here, as `userId`. `close` closes it. */
  createClient({ userId = DEFAULT_USER, ...options }: ClientOptions & { userId?: string } = {}): Client {
    const token = () => {
      const fresh = `token ${this.#usersByToken.size + 1}`
      this.#usersByToken.set(fresh, userId)
      return fresh
    }
    const client = createClient('http://samewire.test', { autoConnect: true, token, ...this.options, ...options })
    this.#clients.push(client)
    return client
  }

  /** Says how an event is answered. Without that it is refused. */
  on<Event extends SentEvent>(event: Event, handler: EventHandler<Event>): void {
    this.#handlers.set(event, handler as (payload: never, from: { userId: string }) => unknown)
  }

  /** Says how a call is answered, such as `GET /api/stories/{id}`. Without that it is refused. */
  onRequest(route: string, handler: RequestHandler): void {
    this.#routes.add(route, handler)
  }

  /** Sends an event to a room: to those who are in it now, and to those who come back to it later. */
  deliver<Address extends RoomAddress, Event extends EventOf<KindOf<Address>>>(room: Address, event: Event, payload: Received[Event]): Position {
    return this.#room(room).publish(event, payload)
  }

  /** Sends an event to every connection, to no room. Who isn't connected misses it. */
  send<Event extends ReceivedEvent>(event: Event, payload: Received[Event]): void {
    for (const connection of this.#connections) connection.send(event, payload)
  }

  /** Somebody else comes into a room, or changes in it. */
  present(room: RoomAddress, user: Partial<User> & { userId: string }): User {
    return this.#room(room).present(user)
  }

  /** Somebody else leaves a room. */
  absent(room: RoomAddress, userId: string): void {
    this.#room(room).absent(userId)
  }

  /** Who is in a room. */
  users(room: RoomAddress): User[] {
    return this.#room(room).users
  }

  /** Where a room's log stands, for answers that say so. */
  position(room: RoomAddress): Position {
    return this.#room(room).position
  }

  /** All connections break. Clients come back by themselves, and are sent what they missed of their rooms. */
  drop(): void {
    for (const { socket } of [...this.#connections]) socket.lose()
  }

  /** The server restarts: connections break, and the logs of rooms are lost. Clients are told `reset`. */
  restart(): void {
    for (const room of this.#rooms.values()) room.forget()
    this.drop()
  }

  /** Nothing comes through any more, either way, and nobody is told. */
  freeze(): void {
    this.#frozen = true
    for (const { socket } of this.#connections) socket.freeze()
  }

  /** What was held back comes through, in its order. */
  thaw(): void {
    this.#frozen = false
    for (const { socket } of [...this.#connections]) socket.thaw()
  }

  /** All tokens so far expire, which ends the connections: clients ask for fresh ones. */
  expire(): void {
    for (const token of this.#usersByToken.keys()) this.#expired.add(token)
    for (const connection of [...this.#connections]) {
      connection.send('auth_error', { code: 'TOKEN_EXPIRED', message: 'the token expired' })
      connection.disconnect()
    }
  }

  /** Refuses an event. */
  refuse(event: SentEvent, code: FailureCode, message = 'refused by the test'): Admit {
    this.#refusedEvents.set(event, new SamewireError(code, message))
    return () => void this.#refusedEvents.delete(event)
  }

  /** Refuses to let anybody into a room, and takes out who is in it. */
  refuseRoom(room: RoomAddress, code: FailureCode, message = 'refused by the test'): Admit {
    this.#refusedRooms.set(room, new SamewireError(code, message))
    const known = this.#room(room)
    for (const member of known.members) {
      known.leave(member)
      member.send('error', { code, message, error: message, timestamp: new Date().toISOString(), room })
    }
    return () => void this.#refusedRooms.delete(room)
  }

  /** Refuses connections from now on; those that are there stay. */
  refuseConnections(code: FailureCode, message = 'refused by the test'): Admit {
    this.#refusedConnections = new SamewireError(code, message)
    return () => (this.#refusedConnections = undefined)
  }

  /** Closes the clients that `createClient` made. */
  close(): void {
    for (const client of this.#clients.splice(0)) client.close()
    this.drop()
  }

  #room(address: string): TestRoom {
    const known = this.#rooms.get(address)
    if (known) return known
    const room = new TestRoom(address)
    this.#rooms.set(address, room)
    return room
  }

  #opened(socket: TestSocket): Connection | undefined {
    if (!this.reachable) return undefined
    if (this.#frozen) socket.freeze()
    const connection = new Connection(socket, this.#served)
    this.#connections.add(connection)
    return connection
  }

  async #called(url: URL, init: RequestInit): Promise<Response> {
    init.signal?.throwIfAborted()
    if (!this.reachable) throw new TypeError('fetch failed')
    const token = new Headers(init.headers).get('Authorization')?.replace('Bearer ', '')
    if (token !== undefined && this.#expired.has(token)) return problem(new SamewireError('TOKEN_EXPIRED', 'the token expired'))
    return this.#routes.answer(url, init, this.#userOf(token))
  }

  #userOf(token: string | undefined): string {
    return this.#usersByToken.get(token ?? '') ?? DEFAULT_USER
  }

  readonly #served: ConnectionHandler = {
    greet: (connection, handshake) => this.#greet(connection, handshake),
    emitted: (connection, emit, acknowledge) => this.#emitted(connection, emit, acknowledge),
    acknowledged: ({ userId }, event, payload) => void this.acknowledged.push({ event, payload, userId }),
    ended: (connection) => {
      this.#connections.delete(connection)
      for (const room of this.#rooms.values()) room.leave(connection)
    },
  }

  #greet(connection: Connection, { token, resume }: Handshake): void {
    const expired = new SamewireError('TOKEN_EXPIRED', 'the token expired')
    const refused = token !== undefined && this.#expired.has(token) ? expired : this.#refusedConnections
    if (refused) return connection.refuse(`${refused.code}: ${refused.message}`)
    connection.userId = this.#userOf(token)
    connection.accept()
    connection.send('authenticated', { userId: connection.userId, connectionId: crypto.randomUUID(), protocol: PROTOCOL_VERSION, expiresAt: FAR_AWAY })
    this.#room(`user:${connection.userId}`).enter(connection)
    if (resume) connection.send('resumed', { rooms: resume.map((asked) => this.#resume(connection, asked)) })
  }

  #resume(connection: Connection, { room: address, events, ...since }: NonNullable<Handshake['resume']>[number]) {
    const refused = this.#refusedRooms.get(address)
    if (refused) return { room: address, recovered: false, missed: 0, error: { code: refused.code, message: refused.message } }
    const room = this.#room(address)
    room.enter(connection, events)
    connection.send('presence:state', { room: address, users: room.users })
    return { room: address, ...room.replay(connection, since), position: room.position }
  }

  #emitted(connection: Connection, { event, payload, id }: Emit, acknowledge: (answer: Ack<unknown>) => void): void {
    const { userId } = connection
    const repeated = id !== undefined && this.#answers.has(id)
    const own = (payload as Partial<RoomJoin> | undefined)?.room === `user:${userId}`
    if (!repeated && !own && !KEEPING_UP.has(event)) this.emits.push({ event, payload, userId })
    if (event === 'room:join') return this.#join(connection, payload as RoomJoin, acknowledge)
    const known = id === undefined ? undefined : this.#answers.get(id)
    const answer = known ?? this.#answer(connection, event, payload)
    if (id !== undefined) this.#answers.set(id, answer)
    void answer.then(acknowledge)
  }

  #join(connection: Connection, { room: asked, since, events }: RoomJoin, acknowledge: (answer: Ack<Joined>) => void): void {
    const address = asked.includes(':') ? asked : `room:${asked}`
    const refused = this.#refusedRooms.get(address) ?? this.#refusedEvents.get('room:join')
    if (refused) return acknowledge(refusedBy(refused))
    const room = this.#room(address)
    room.enter(connection, events ?? undefined)
    const missed = since ? room.history({ epoch: since.epoch, after: since.offset }) : undefined
    const { position, users } = room
    acknowledge({ ok: true, data: { room: address, position, users, recovered: missed?.complete ?? true, missed: missed?.events.length ?? 0 } })
    connection.send('presence:state', { room: address, users })
    if (since) room.replay(connection, since)
  }

  async #answer(connection: Connection, event: string, payload: unknown): Promise<Ack<unknown>> {
    const { userId } = connection
    try {
      const refused = this.#refusedEvents.get(event)
      if (refused) throw refused
      const handler = this.#handlers.get(event)
      if (handler) return { ok: true, data: (await handler(payload as never, { userId })) ?? {} }
      const own = this.#own(connection, event, payload)
      if (own) return { ok: true, data: own() }
      throw new SamewireError('UNKNOWN_EVENT', `no test answers ${event}: on does`)
    } catch (error) {
      return refusedBy(refusal(error))
    }
  }

  /** What the server answers by itself. */
  #own(connection: Connection, event: string, payload: unknown): (() => unknown) | undefined {
    switch (event) {
      case 'room:leave':
        return () => {
          this.#room((payload as RoomJoin).room).leave(connection)
          return { room: (payload as RoomJoin).room }
        }
      case 'room:history':
        return () => this.#room((payload as RoomHistory).room).history(payload as RoomHistory)
      case 'ping':
        return () => {
          const pong = { timestamp: new Date().toISOString() }
          connection.send('pong', pong)
          return pong
        }
      case 'presence:update':
        return () => {
          const { room, status, state } = payload as PresenceUpdate
          return this.#room(room).present({ userId: connection.userId, ...(status && { status }), ...(state !== undefined && { state }) })
        }
      default:
        return undefined
    }
  }
}

function refusedBy({ code, message, retryAfterMs, current }: SamewireError): Ack<never> {
  const further = { ...(retryAfterMs !== undefined && { retryAfterMs }), ...(current !== undefined && { current }) }
  return { ok: false, error: { code, message, ...further } } as Ack<never>
}
