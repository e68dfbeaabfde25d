/** What a joined room is to those who joined it. */

import type { Position, User } from './generated/protocol.js'
import { Listeners } from './listeners.js'
import { disposable, once } from './off.js'
import type { Handler, Off, Presence, Room, RoomLifecycle } from './types.js'

const LIFECYCLE = ['recovered', 'reset', 'removed'] satisfies (keyof RoomLifecycle)[] as string[]

/** What a handle needs of its client. */
export interface RoomOwner {
  listen(event: string, handler: Handler<never>, room: string): Off
  position(room: string): Position | undefined
  users(room: string): User[]
  left(handle: RoomHandle): void
}

/** Who is in a room, for all of its handles. */
export class SharedPresence {
  readonly listeners = new Listeners<'change'>()
  #users: readonly User[] | undefined

  constructor(readonly read: () => User[]) {}

  get users(): readonly User[] {
    return (this.#users ??= this.read())
  }

  changed(): void {
    this.#users = undefined
    this.listeners.call('change')
  }
}

/** A handle on a joined room. */
export class RoomHandle implements Room {
  declare readonly [Symbol.dispose]: () => void
  readonly lifecycle = new Listeners<string>()
  readonly presence: Presence
  readonly #owner: RoomOwner
  readonly #offs = new Set<Off>()

  constructor(
    readonly id: number,
    readonly address: string,
    owner: RoomOwner,
    presence: SharedPresence,
  ) {
    this.#owner = owner
    this.presence = {
      get users() {
        return presence.users
      },
      subscribe: (listener) => this.#keep(presence.listeners.add('change', listener)),
    }
    disposable(this, () => this.leave())
  }

  get position(): Position | undefined {
    return this.#owner.position(this.address)
  }

  on(event: string, handler: Handler<never>): Off {
    if (LIFECYCLE.includes(event)) return this.lifecycle.add(event, handler)
    return this.#keep(this.#owner.listen(event, handler, this.address))
  }

  leave(): void {
    this.end()
    this.#owner.left(this)
  }

  /** Ends the listeners. */
  end(): void {
    for (const off of this.#offs) off()
    this.#offs.clear()
    this.lifecycle.clear()
  }

  #keep(off: Off): Off {
    const kept = once(() => {
      off()
      this.#offs.delete(kept)
    })
    this.#offs.add(kept)
    return kept
  }
}
