/** The two clients, each by its whole public interface and as its documentation shows it. */

import type { Socket } from 'socket.io-client'

/** A client that is measured. */
export interface Subject {
  /** Calls a handler for each event of a room, and gives what ends it. */
  listen(room: string, event: string, handler: () => void): Promise<() => void>
  /** Emits without an acknowledgement. */
  emit(event: string, payload: unknown): void
  /** Emits; resolves with what the server answers. */
  ask(event: string, payload: unknown): Promise<unknown>
}

/** Our client's default. */
const ACK_TIMEOUT_MS = 10_000

export async function samewire(url: string): Promise<Subject> {
  const { createClient } = await import('samewire')
  const client = createClient(url, { token: 'a token' })
  client.on('protocol-error', ({ event, path, message }) => {
    throw new Error(`a sample of ${event} is wrong at ${path}: ${message}`)
  })
  await new Promise<void>((resolve) => client.subscribe(() => client.session && resolve()))
  // The samples are checked as they are received, not as they are typed.
  const untyped = client as unknown as UntypedClient
  const rooms = new Map<string, ReturnType<UntypedClient['join']>>()
  return {
    async listen(address, event, handler) {
      const joining = rooms.get(address) ?? untyped.join(address)
      rooms.set(address, joining)
      return (await joining).on(event, handler)
    },
    emit: (event, payload) => void untyped.emit(event, payload, { volatile: true }),
    ask: (event, payload) => untyped.emit(event, payload),
  }
}

interface UntypedClient {
  join(address: string): Promise<{ on(event: string, handler: () => void): () => void }>
  emit(event: string, payload: unknown, options?: { volatile?: boolean }): Promise<unknown>
}

export async function official(url: string): Promise<Subject> {
  const { io } = await import('socket.io-client')
  const socket: Socket = io(url, { transports: ['websocket'], auth: { token: 'a token' } })
  await new Promise<void>((resolve) => socket.on('connect', resolve))
  return {
    async listen(_, event, handler) {
      socket.on(event, handler)
      return () => socket.off(event, handler)
    },
    emit: (event, payload) => void socket.emit(event, payload),
    ask: (event, payload) => socket.timeout(ACK_TIMEOUT_MS).emitWithAck(event, payload),
  }
}
