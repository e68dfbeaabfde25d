/** Those that are open, or about to be. */
const sockets = new Set<WebSocket>()

/** The browser's `WebSocket`, remembered, so that the page can cut its own connection. */
export class CuttableWebSocket extends WebSocket {
  constructor(url: string) {
    super(url)
    sockets.add(this)
    this.addEventListener('close', () => sockets.delete(this))
  }
}

/** Ends the connection behind the client's back: to the client it is lost. */
export function cutConnection(): void {
  for (const socket of sockets) socket.close()
}
