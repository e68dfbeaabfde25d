import { SamewireProvider, useClient, useConnectionState, useEvent, useRoom } from 'samewire/react'

const LABEL = 'label 0'

/** A page whose source changes while it is shown. */
export function HotPage({ url, token }: { url: string; token: string }) {
  return (
    <SamewireProvider url={url} token={token}>
      <Inside />
    </SamewireProvider>
  )
}

function Inside() {
  const client = useClient()
  const { status } = useConnectionState()
  const { room, status: joined } = useRoom('room:hot')
  useEvent('broadcast', () => {}, { room })
  window.hot = { client, clients: (window.hot?.clients ?? new Set()).add(client) }
  return (
    <p>
      {LABEL}: {status}, {joined}
    </p>
  )
}
