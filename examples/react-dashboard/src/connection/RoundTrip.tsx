import { useRoundTrip } from './useRoundTrip'

const WIDTH = 160
const HEIGHT = 36
const SHOWN = 40

/** How long the server takes to answer. */
export function RoundTrip() {
  const trips = useRoundTrip()
  const last = trips.at(-1)
  return (
    <section className="round-trip" aria-labelledby="round-trip">
      <h3 id="round-trip">Round trip</h3>
      <p>{last === undefined ? '–' : `${last < 10 ? last.toFixed(1) : Math.round(last)} ms`}</p>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
        <polyline points={lineOf(trips)} />
      </svg>
    </section>
  )
}

function lineOf(trips: readonly number[]): string {
  const most = Math.max(20, ...trips)
  return trips
    .map((took, index) => `${WIDTH - (trips.length - 1 - index) * (WIDTH / (SHOWN - 1))},${HEIGHT - 2 - (took / most) * (HEIGHT - 6)}`)
    .join(' ')
}
