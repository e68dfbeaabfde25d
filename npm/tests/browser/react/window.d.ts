import type { Client } from '../../../src/types.js'

declare global {
  interface Window {
    /** The client that is used now, and all that there were. */
    hot?: { client: Client; clients: Set<Client> }
    /** Sends an update to the page. */
    feed(n: number): void
    /** What was heard, and when the list was rendered. */
    list: { heard: number[]; renders: number[] }
    /** When the page painted. */
    frameTimes: number[]
    /** How long each press took until it was painted, in milliseconds. */
    waited: number[]
  }
}
