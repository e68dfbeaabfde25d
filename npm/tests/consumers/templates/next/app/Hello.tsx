'use client'

import { SamewireProvider, usePresence, useRoom } from 'samewire/react'

/** A client component: rendered idle on the server, and alive in the page. */
export function Hello({ server }: { server: string }) {
  const token = async () => (await fetch(`${server}/demo/token?user=ada`)).text()
  return (
    <SamewireProvider url={server} token={token}>
      <Lobby />
    </SamewireProvider>
  )
}

function Lobby() {
  const { status } = useRoom('room:consumers')
  const { self } = usePresence({ roomId: 'consumers' })
  return <p>In the page: {status} as {self?.userId ?? 'nobody'}</p>
}
