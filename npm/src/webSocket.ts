import type { WebSocketConstructor } from './types.js'

/** Opens a WebSocket whose failures hurt nobody: `ws` throws them at the process where none listens. */
export function openWebSocket(WebSocket: WebSocketConstructor, address: string): WebSocket {
  const socket = new WebSocket(address)
  // The engine lets go of its handlers before it closes a socket, one that isn't open yet included.
  // What is merely made to look like a WebSocket may take handlers alone.
  socket.addEventListener?.('error', () => {})
  return socket
}
