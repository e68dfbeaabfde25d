import { useEvent, useRoom } from 'cafe-client/react'
import type { Ordered } from 'cafe-client'
import { useState } from 'react'

/** What is ordered in a café, as it is. Names and payloads are those of `protocol/`. */
export function useOrders(cafe: string) {
  const [orders, setOrders] = useState<Ordered[]>([])
  const room = `cafe:${cafe}` as const
  const { status } = useRoom(room)
  useEvent('ordered', (ordered) => setOrders((all) => [...all, ordered]), { room })
  return { orders, status }
}
