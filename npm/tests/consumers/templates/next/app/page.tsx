import { createClient } from 'samewire'
import { PROTOCOL_VERSION } from 'samewire/protocol'
import { Hello } from './Hello'

/** A server component: a client made here stays idle. */
export default async function Page({ searchParams }: { searchParams: Promise<{ server: string }> }) {
  const { server } = await searchParams
  const client = createClient(server)
  return (
    <main>
      <p>On the server: {client.state.status}, protocol {PROTOCOL_VERSION}</p>
      <Hello server={server} />
    </main>
  )
}
