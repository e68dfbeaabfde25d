import { useClient, useConnectionState } from 'samewire/react'
import { useEffect, useState } from 'react'

/** Milliseconds between two measurements. */
const EVERY = 1_500
const KEPT = 40

/** How long the server takes to answer, in milliseconds: the last measurements, oldest first. */
export function useRoundTrip(): readonly number[] {
  const client = useClient()
  const connected = useConnectionState().status === 'connected'
  const [trips, setTrips] = useState<readonly number[]>([])
  useEffect(() => {
    if (!connected) return
    const gone = new AbortController()
    const measure = async () => {
      const began = performance.now()
      await client.emit('ping', {}, { retries: 0, signal: gone.signal })
      const took = performance.now() - began
      setTrips((trips) => [...trips, took].slice(-KEPT))
    }
    // What fails is told by the connection's state.
    const tryToMeasure = () => void measure().catch(() => {})
    tryToMeasure()
    const timer = setInterval(tryToMeasure, EVERY)
    return () => {
      gone.abort()
      clearInterval(timer)
    }
  }, [client, connected])
  return trips
}
