import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { WebSocketServer, type WebSocket } from 'ws'

export type Frame = string | Buffer

const HANDSHAKE = `0${JSON.stringify({ sid: 'sid', upgrades: [], pingInterval: 25_000, pingTimeout: 20_000, maxPayload: 1_000_000 })}`
const SESSION = { userId: 'ada', connectionId: 'c', protocol: '1.0', expiresAt: '2100-01-01T00:00:00.000Z' }
const CORS = { 'access-control-allow-origin': '*', 'content-type': 'text/plain; charset=UTF-8' }

/** A server of which each step is honest, unless a test says something else. */
export class HostileServer {
  /** Connections that were made, by websocket or by polling. */
  connections = 0
  /** Takes the place of the handshake of Engine.IO, and of being let in. */
  handshake: Frame = HANDSHAKE
  welcome: Frame[] = WELCOME
  /** Takes the place of the answer to each poll. */
  poll: ((response: ServerResponse) => void) | undefined
  readonly #http: Server
  readonly #sockets = new WebSocketServer({ noServer: true })
  #websocket: WebSocket | undefined
  #wire: Duplex | undefined
  #waiting: ServerResponse | undefined
  #queue: string[] = []

  private constructor() {
    this.#http = createServer((request, response) => void this.#answer(request, response))
    this.#http.on('upgrade', (request, wire, head) => {
      this.#sockets.handleUpgrade(request, wire, head, (websocket) => {
        this.connections += 1
        this.#websocket = websocket
        this.#wire = wire
        websocket.on('error', () => {})
        websocket.on('message', (data) => this.#take(String(data)))
        this.send(this.handshake)
      })
    })
  }

  static async start(): Promise<HostileServer> {
    const server = new HostileServer()
    server.#http.listen(0, '127.0.0.1')
    await once(server.#http, 'listening')
    return server
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#http.address() as AddressInfo).port}`
  }

  /** Mends its ways. */
  behave(): void {
    this.handshake = HANDSHAKE
    this.welcome = WELCOME
    this.poll = undefined
  }

  /** A frame, to the newest connection. */
  send(frame: Frame): void {
    if (this.#websocket) return this.#websocket.send(frame, { binary: typeof frame !== 'string' })
    this.#queue.push(typeof frame === 'string' ? frame : `b${frame.toString('base64')}`)
    this.#flush()
  }

  /** Bytes that are no frame of a websocket. */
  sendRaw(bytes: Buffer): void {
    this.#wire?.write(bytes)
  }

  event(event: string, payload: unknown): void {
    this.send(`42${JSON.stringify([event, payload])}`)
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets.clients) socket.terminate()
    this.#http.close()
    this.#http.closeAllConnections()
    await once(this.#http, 'close')
  }

  #take(frame: string): void {
    if (frame.startsWith('40')) {
      for (const welcome of this.welcome) this.send(welcome)
      return
    }
    const [, ack, body] = /^42(\d+)(.*)$/s.exec(frame) ?? []
    if (ack) this.send(`43${ack}${JSON.stringify([{ ok: true, data: JSON.parse(body!)[1] }])}`)
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method === 'POST') {
      const parts = await request.toArray()
      for (const frame of Buffer.concat(parts).toString().split('\x1e')) this.#take(frame)
      return void response.writeHead(200, CORS).end('ok')
    }
    if (this.poll) return this.poll(response)
    this.#waiting = response
    if (!request.url?.includes('sid=')) {
      this.connections += 1
      this.#websocket = undefined
      this.#queue = []
      return this.send(this.handshake)
    }
    this.#flush()
  }

  #flush(): void {
    const response = this.#waiting
    if (!response || this.#queue.length === 0) return
    this.#waiting = undefined
    response.writeHead(200, CORS).end(this.#queue.splice(0).join('\x1e'))
  }
}

const WELCOME: Frame[] = ['40{"sid":"x"}', `42${JSON.stringify(['authenticated', SESSION])}`]
