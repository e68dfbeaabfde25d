import type { ClientOptions, Transport } from './types.js'

/**
 * The address of the server, by a transport, for a new session or one to take over. A path in `url`
 * would name a namespace, which there is none.
 */
export function socketUrl(url: string, { path = '/socket.io/', query = {} }: ClientOptions, transport: Transport, sid?: string): string {
  const address = new URL(path, new URL(url, globalThis.location?.href))
  if (transport === 'websocket') address.protocol = address.protocol.replace('http', 'ws')
  else address.protocol = address.protocol.replace('ws', 'http')
  for (const [name, value] of Object.entries({ ...query, EIO: '4', transport, ...(sid && { sid }) })) address.searchParams.set(name, value)
  return address.href
}
