import type { ClientOptions } from './types.js'

/** The address of the server's WebSocket. A path in `url` would name a namespace, which there is none. */
export function socketUrl(url: string, { path = '/socket.io/', query = {} }: ClientOptions): string {
  const address = new URL(path, new URL(url, globalThis.location?.href))
  address.protocol = address.protocol.replace('http', 'ws')
  for (const [name, value] of Object.entries({ ...query, EIO: '4', transport: 'websocket' })) address.searchParams.set(name, value)
  return address.href
}
