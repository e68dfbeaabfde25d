// Chance that can be had again: the same seed gives the same numbers.

/** A number from 0 to 1 at each call (mulberry32). */
export function random(seed) {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** The seed of a test: `SAMEWIRE_SEED`, or another at each run. It is printed. */
export function seedOf(test) {
  const seed = Number(process.env.SAMEWIRE_SEED ?? Date.now() % 1_000_000)
  test.diagnostic(`SAMEWIRE_SEED=${seed}`)
  return seed
}
