import type { ClientOptions, Transport } from './types.js'

/** What a server may be reached by. */
const PROTOCOLS = ['http:', 'https:', 'ws:', 'wss:']

/**
 * The address of a server, as it was given.
 *
 * Throws a `TypeError` for what can be none. A path would name a namespace, and there is none but `/`.
 */
export function serverUrl(url: string): string {
  const refuse = (problem: string) => new TypeError(`url: expected a server's address such as https://example.org; ${problem}`)
  // It would be taken for a path.
  if (!/^(\/|\w+:\/\/|$)/.test(url)) throw refuse(`${url} doesn't begin with https://`)
  // Without a page nothing is known of it but its form.
  const page = globalThis.location?.origin
  const base = page && page !== 'null' ? page : 'http://localhost'
  if (!URL.canParse(url, base)) throw refuse('this is none')
  const { protocol, pathname, search, hash } = new URL(url, base)
  if (!PROTOCOLS.includes(protocol)) throw refuse(`${protocol} is none of ${PROTOCOLS.join(', ')}`)
  if (pathname !== '/') throw refuse(`the path ${pathname} would name a namespace (there is the option path)`)
  if (search || hash) throw refuse('what follows it is not sent (there is the option query)')
  return url
}

/** The address of a server's call. Throws a `TypeError` for another server's: the token is not for that. */
export function requestUrl(url: string, path: string): URL {
  const server = speaking('http', url)
  const address = new URL(path, server)
  if (address.origin !== server.origin) throw new TypeError(`path: ${address.origin} is another server than ${server.origin}`)
  return address
}

/** The address of a server's sockets, by a transport, for a new session or one to take over. */
export function socketUrl(url: string, { path = '/socket.io/', query = {} }: ClientOptions, transport: Transport, sid?: string): string {
  const address = new URL(path, speaking(transport === 'websocket' ? 'ws' : 'http', url))
  for (const [name, value] of Object.entries({ ...query, EIO: '4', transport, ...(sid && { sid }) })) address.searchParams.set(name, value)
  return address.href
}

/** A server's address by that scheme, or the one that encrypts it where the address does. */
function speaking(scheme: 'http' | 'ws', url: string): URL {
  const address = new URL(url, globalThis.location?.href)
  address.protocol = address.protocol.replace(/http|ws/, scheme)
  return address
}
