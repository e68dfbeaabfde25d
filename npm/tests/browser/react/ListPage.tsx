import { SamewireProvider, useRealtimeUpdates, type SamewireProviderProps } from 'samewire/react'
import { createTestServer } from 'samewire/testing'
import { useState, type MouseEvent } from 'react'
import { updateOf } from './updateOf.js'

interface Row {
  id: string
  n: number
}

/** A list that changes faster than anybody can look. */
export function ListPage(connection: SamewireProviderProps) {
  return (
    <SamewireProvider {...connection}>
      <List />
      <Press />
    </SamewireProvider>
  )
}

/** The same, fed in the page at a rate that no network slows down. */
export function FedListPage() {
  const server = createTestServer()
  server.on('data:snapshot', () => ({ items: [], position: server.position('room:list') }))
  window.feed = (n) => void server.deliver('room:list', 'data:update', updateOf(n))
  return <ListPage client={server.createClient()} />
}

/** Something to press, which says how often it was. */
function Press() {
  const [count, setCount] = useState(0)
  window.waited ??= []
  const press = ({ timeStamp }: MouseEvent) => {
    setCount(count + 1)
    requestAnimationFrame(() => setTimeout(() => window.waited.push(performance.now() - timeStamp)))
  }
  return <button onClick={press}>pressed {count} times</button>
}

function hear({ n }: Row) {
  window.list.heard.push(n)
  window.list.heardAt.push(performance.now())
}

function List() {
  const { state } = useRealtimeUpdates<Row>({ entity: 'rows', roomId: 'list', onUpdate: hear })
  window.list ??= { heard: [], heardAt: [], renders: [] }
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
