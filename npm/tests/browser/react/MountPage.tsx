import { SamewireProvider, useClient, useConnectionState, useEvent, useRoom } from 'samewire/react'
import { useState } from 'react'

/** A page whose parts are mounted, given other options, and mounted beside each other, as the test says. */
export function MountPage({ url, token }: { url: string; token: string }) {
  const [shown, setShown] = useState<string[]>(['one'])
  const [retries, setRetries] = useState(1)
  window.mounts ??= { clients: new Set(), show: setShown, retry: setRetries }
  return shown.map((name) => (
    // The options and the token function are other ones each time.
    <SamewireProvider key={name} url={url} token={async () => token} options={{ retries }}>
      <Part name={name} retries={retries} />
    </SamewireProvider>
  ))
}

function Part({ name, retries }: { name: string; retries: number }) {
  window.mounts.clients.add(useClient())
  const { status } = useConnectionState()
  const { room, status: joined } = useRoom('room:mounted')
  useEvent('broadcast', () => {}, { room })
  return (
    <p>
      {name}: {status}, {joined}, {retries}
    </p>
  )
}
