// The official client, as the tests use it.
import { io } from 'socket.io-client'
import { token } from './api.mjs'

/** How long anything may take that comes on a machine that has much else to do. */
export const WAIT_MS = 30_000

/** What last befell each client's connection. */
const troubles = new WeakMap()

/** A client that goes away with the test; `options` are socket.io-client's own. */
export function open(test, server, options) {
  const socket = io(server.url, { forceNew: true, reconnection: false, ...options })
  socket.on('connect_error', ({ message }) => troubles.set(socket, `connect_error: ${message}`))
  socket.on('disconnect', (reason) => troubles.set(socket, `disconnect: ${reason}`))
  test.after(() => socket.disconnect())
  return socket
}

/** A client of a user, once it is signed in. */
export async function signedIn(test, server, user, options = {}) {
  const socket = open(test, server, { auth: { token: token(user) }, ...options })
  await next(socket, 'authenticated')
  return socket
}

/** The arguments of the next such event, which `fits` may narrow down. */
export function next(socket, event, fits = () => true) {
  return new Promise((resolve, reject) => {
    const late = () => new Error(`no ${event} within ${WAIT_MS} ms, ${troubles.get(socket) ?? 'and no trouble'}`)
    const timer = setTimeout(() => end(reject, late()), WAIT_MS)
    const listener = (...args) => fits(...args) && end(resolve, args)
    const end = (settle, value) => {
      clearTimeout(timer)
      socket.off(event, listener)
      settle(value)
    }
    socket.on(event, listener)
  })
}

/** Why a client is refused. */
export async function refusal(socket) {
  const [error] = await next(socket, 'connect_error')
  return error.message
}

/** Emits, and gives the acknowledgement. */
export const ask = (socket, event, ...payload) =>
  socket.timeout(WAIT_MS).emitWithAck(event, ...payload)

/** Everything that arrives from now on, as `[event, ...arguments]`. */
export function record(socket) {
  const all = []
  socket.onAny((...args) => all.push(args))
  return all
}

/** Whatever was sent to this client before now has arrived once this is settled. */
export const settled = (socket) => ask(socket, 'ping', {})
