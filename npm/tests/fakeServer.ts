/** A Samewire server without a network: it lets everybody in, and says what a test tells it to. */

type Frame = string | ArrayBuffer

/** What the client sent: `[event, payload, { id }?]` and the number to acknowledge it by. */
export interface Sent {
  event: string
  payload: any
  id: string | undefined
  ack: number | undefined
}

export class FakeServer {
  /** What came besides the handshake and joins, in order. */
  readonly sent: Sent[] = []
  /** What clients said of themselves in their handshakes. */
  readonly handshakes: any[] = []
  readonly sockets = new Set<FakeSocket>()
  opened = 0
  /** Answers an event; by default joins are granted and the rest waits for the test. */
  answers: Record<string, (payload: any) => unknown> = {
    'room:join': ({ room }) => done({ room, position: { epoch: 'e', offset: 0 }, recovered: true, missed: 0, users: [] }),
    'room:leave': ({ room }) => done({ room }),
  }
  /** Refuses handshakes with this message. */
  refuses: string | undefined

  /** To be given to a client as its `WebSocket`. */
  readonly WebSocket = ((server: FakeServer) =>
    class extends FakeSocket {
      constructor(url: string) {
        super(server, url)
      }
    } as unknown as new (url: string) => WebSocket)(this)

  get socket(): FakeSocket {
    const [socket] = this.sockets
    if (!socket) throw new Error('nobody is connected')
    return socket
  }

  event(event: string, payload: unknown, room?: string, offset?: number): void {
    const meta = room === undefined ? [] : [{ room, epoch: 'e', offset }]
    this.socket.receive(`42${JSON.stringify([event, payload, ...meta])}`)
  }

  answer(sent: Sent, answer: unknown): void {
    this.socket.receive(`43${sent.ack}${JSON.stringify([answer])}`)
  }

  /** The last emit of that name. */
  last(event: string): Sent {
    const sent = this.sent.filter((sent) => sent.event === event).at(-1)
    if (!sent) throw new Error(`no ${event} came`)
    return sent
  }

  take(socket: FakeSocket, frame: Frame): void {
    if (typeof frame !== 'string') return
    if (frame.startsWith('40')) return this.#greet(socket, JSON.parse(frame.slice(2) || '{}'))
    const match = /^4[25](?:\d+-)?(\d*)(\[.*)$/s.exec(frame)
    if (!match) return
    const [event, payload, meta] = JSON.parse(match[2]!)
    const sent: Sent = { event, payload, id: meta?.id, ack: match[1] ? Number(match[1]) : undefined }
    const answer = this.answers[event]
    if (!answer) return void this.sent.push(sent)
    if (event !== 'room:join' && event !== 'room:leave') this.sent.push(sent)
    this.answer(sent, answer(payload))
  }

  #greet(socket: FakeSocket, auth: any): void {
    this.handshakes.push(auth)
    if (this.refuses) return socket.receive(`44${JSON.stringify({ message: this.refuses })}`)
    socket.receive('40{"sid":"x"}')
    const session = { userId: 'ada', connectionId: 'c', protocol: '1.0', expiresAt: '2030-01-01T00:00:00.000Z' }
    if (auth.token) socket.receive(`42${JSON.stringify(['authenticated', session])}`)
    if (!auth.resume) return
    const rooms = auth.resume.map(({ room, epoch, offset }: any) => ({ room, position: { epoch, offset }, recovered: true, missed: 0 }))
    socket.receive(`42${JSON.stringify(['resumed', { rooms }])}`)
  }
}

/** Agreed. */
export const done = (data: unknown) => ({ ok: true, data })

/** Refused. */
export const refused = (code: string, further = {}) => ({ ok: false, error: { code, message: 'because', ...further } })

/** One end of a connection that isn't there. Frames arrive as tasks of their own, as in a browser. */
export class FakeSocket {
  onmessage: ((event: { data: Frame }) => void) | null = null
  onclose: (() => void) | null = null
  onerror: (() => void) | null = null
  binaryType = 'blob'
  readonly received: Frame[] = []

  constructor(
    readonly server: FakeServer,
    readonly url: string,
  ) {
    server.opened += 1
    server.sockets.add(this)
    this.receive('0{"sid":"s","pingInterval":25000,"pingTimeout":20000}')
  }

  receive(data: Frame): void {
    setImmediate(() => this.onmessage?.({ data }))
  }

  send(frame: Frame): void {
    this.received.push(frame)
    this.server.take(this, frame)
  }

  close(): void {
    this.server.sockets.delete(this)
  }

  /** The connection breaks. */
  lose(): void {
    this.server.sockets.delete(this)
    this.onclose?.()
  }
}
