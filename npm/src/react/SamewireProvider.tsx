import { useEffect, useState, type ReactNode } from 'react'
// By the package's own name, so that its conditions choose the loader: inlined in Node.js.
import { createClient } from 'samewire'
import type { Client, ClientOptions, TokenSource } from '../types.js'
import { ClientContext } from './ClientContext.js'
import { counted } from './counted.js'
import { useLatest } from './useLatest.js'

export type SamewireProviderProps = { children?: ReactNode } & (WithClient | WithUrl)

/** With a client of the application's own, which the application connects and closes. */
interface WithClient {
  client: Client
  url?: never
  token?: never
  options?: never
}

/** With a client that the provider makes, connects while it is mounted, and closes. */
interface WithUrl {
  client?: never
  /** The server. Another url is another client. */
  url: string
  /** The newest one is taken whenever a token is needed; another one doesn't reconnect. */
  token?: TokenSource
  /** Read when the client is made. */
  options?: Omit<ClientOptions, 'token' | 'autoConnect'>
}

/** Gives a client to the hooks of all components below. */
export function SamewireProvider(props: SamewireProviderProps): ReactNode {
  const { client, children } = props
  if (client) return <ClientContext.Provider value={client}>{children}</ClientContext.Provider>
  return <OwningProvider {...props} />
}

function OwningProvider({ url, token, options, children }: WithUrl & { children?: ReactNode }) {
  const latestToken = useLatest(token)
  const own = () => ownClient(url, () => ask(latestToken.current), options)
  const [owned, setOwned] = useState(own)
  if (owned.url !== url) setOwned(own)

  useEffect(() => owned.use(), [owned])
  return <ClientContext.Provider value={owned.client}>{children}</ClientContext.Provider>
}

/** A client that is connected while it is used. */
function ownClient(url: string, token: TokenSource, options?: ClientOptions) {
  const client = createClient(url, { ...options, token, autoConnect: false })
  const use = counted(() => {
    client.connect()
    return () => client.close()
  })
  return { url, client, use }
}

function ask(source: TokenSource | undefined) {
  return typeof source === 'function' ? source() : source
}
