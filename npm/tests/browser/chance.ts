/** Chance that can be had again: by the same seed. */

/** The seed of a run: `SAMEWIRE_SEED`, or one that wasn't there before. */
export const SEED = Number(process.env.SAMEWIRE_SEED ?? Date.now() % 1_000_000_000)
if (!Number.isSafeInteger(SEED)) throw new RangeError(`SAMEWIRE_SEED: expected a whole number, got ${process.env.SAMEWIRE_SEED}`)

/** Says how to have a test's chances again. */
export const printSeed = () => console.log(`SAMEWIRE_SEED=${SEED}`)

/** Numbers from 0 to 1, the same ones for the same seed (mulberry32). */
export class Chance {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  number(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = this.#state
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }

  /** A whole number below `end`. */
  below(end: number): number {
    return Math.floor(this.number() * end)
  }

  /** Whether something happens that does so with this probability. */
  happens(probability: number): boolean {
    return this.number() < probability
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)]!
  }

  bytes(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.below(256)))
  }
}
