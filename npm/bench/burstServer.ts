/** A server at a real socket, which sends as many events as it is asked for. */

import type { AddressInfo } from 'node:net'
import { WebSocketServer } from 'ws'
import { answersTo, EPOCH, OPEN } from './handshake.js'

/** What a page asks for. */
export interface Burst {
  event: string
  room: string
  payload: unknown
  count: number
  /** The offset before theirs. */
  after: number
}

export async function listen(): Promise<{ port: number; close(): void }> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false })
  await new Promise((resolve) => server.on('listening', resolve))
  server.on('connection', (socket) => {
    socket.send(OPEN)
    socket.on('message', (data) => {
      const frame = String(data)
      const frames = frame.startsWith('42["burst"') ? burst(JSON.parse(frame.slice(2))[1]) : answersTo(frame)
      for (const frame of frames) socket.send(frame)
    })
  })
  const { port } = server.address() as AddressInfo
  return {
    port,
    close() {
      for (const socket of server.clients) socket.terminate()
      server.close()
    },
  }
}

function burst({ event, room, payload, count, after }: Burst): string[] {
  const head = `42${JSON.stringify([event, payload]).slice(0, -1)},{"room":${JSON.stringify(room)},"epoch":"${EPOCH}","offset":`
  return Array.from({ length: count }, (_, index) => `${head}${after + index + 1}}]`)
}
