import { SamewireProvider, useRealtimeUpdates } from 'samewire/react'

interface Row {
  id: string
  n: number
}

/** A list that changes faster than anybody can look. */
export function ListPage({ url, token }: { url: string; token: string }) {
  return (
    <SamewireProvider url={url} token={token}>
      <List />
    </SamewireProvider>
  )
}

function List() {
  const { state } = useRealtimeUpdates<Row>({ entity: 'rows', roomId: 'list', onUpdate: ({ n }) => window.list.heard.push(n) })
  window.list ??= { heard: [], renders: [] }
  // The same for all that happens before one frame is painted.
  window.list.renders.push(document.timeline.currentTime as number)
  return (
    <main>
      <p>
        {state.status}, {state.items.length} rows
      </p>
      <ol>
        {state.items.map(({ id, n }) => (
          <li key={id}>
            {id}: {n}
          </li>
        ))}
      </ol>
    </main>
  )
}
