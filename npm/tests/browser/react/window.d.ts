import type { Client } from '../../../src/types.js'

declare global {
  interface Window {
    /** The client that is used now, and all that there were. */
    hot?: { client: Client; clients: Set<Client> }
    /** All clients that there were, and what says which parts are shown, and with which option. */
    mounts: { clients: Set<Client>; show(names: string[]): void; retry(retries: number): void }
    /** Sends an update to the page. */
    feed(n: number): void
    /** What was heard, when, in milliseconds, and when the list was rendered. */
    list: { heard: number[]; heardAt: number[]; renders: number[] }
    /** When the page painted. */
    frameTimes: number[]
    /** How long each press took until it was painted, in milliseconds. */
    waited: number[]
  }
}
