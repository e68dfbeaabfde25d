/** An official Socket.IO server that knows nothing of ours, and a client of it. */

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Server, type ServerOptions, type Socket } from 'socket.io'
import { expect } from 'vitest'
import { WebSocket } from 'ws'
import { createClient } from '../../src/index.node.js'
import type { Client, ClientOptions, WebSocketConstructor } from '../../src/types.js'
import { eventually } from '../eventually.js'

declare module '../../src/types.js' {
  interface CustomEvents {
    'plain:ask': { sent: unknown; answer: unknown; received: unknown }
    'plain:tell': { sent: unknown; received: unknown }
  }
}

export class PlainServer {
  readonly io: Server
  readonly #http = createServer()

  constructor(options: Partial<ServerOptions> = {}) {
    this.io = new Server(this.#http, { serveClient: false, ...options })
  }

  async listen(port = 0): Promise<this> {
    await new Promise<void>((resolve, reject) => this.#http.once('error', reject).listen(port, '127.0.0.1', resolve))
    return this
  }

  get port(): number {
    return (this.#http.address() as AddressInfo).port
  }

  /** The next one that connects. */
  connection(): Promise<Socket> {
    return new Promise((resolve) => this.io.once('connection', resolve))
  }

  /** Ends every connection, and listens no more. */
  async close(): Promise<void> {
    await this.io.close()
  }
}

/** Makes a client of a server, connected once this resolves; the server's end of it comes along. */
export async function connected(server: PlainServer, options: ClientOptions = {}): Promise<{ client: Client; socket: Socket }> {
  const connection = server.connection()
  const client = clientOf(server, options)
  const socket = await connection
  await is(client, 'connected')
  return { client, socket }
}

export function clientOf(server: PlainServer, options: ClientOptions = {}): Client {
  return createClient(`http://127.0.0.1:${server.port}`, {
    WebSocket: WebSocket as unknown as WebSocketConstructor,
    autoConnect: true,
    reconnectionDelay: 10,
    reconnectionDelayMax: 50,
    transports: ['websocket'],
    ...options,
  })
}

export const is = (client: Client, status: string) => eventually(() => expect(client.state.status).toBe(status), 5)
