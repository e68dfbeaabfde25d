/** A room as the server has it: who is in it, and the log of what was sent to it (wire.md, sections 3, 4 and 6). */

import type { History, LoggedEvent, Position, User } from '../generated/protocol.js'

/** Who is in a room, and is told what is sent to it. */
export interface Member {
  readonly userId: string
  /** An event, with its place in the room's log where it has one. */
  send(event: string, payload: unknown, meta?: Position & { room: string }): void
}

export class TestRoom {
  #epoch = crypto.randomUUID()
  #log: LoggedEvent[] = []
  /** Each with the events that it wants; all where it names none. */
  readonly #members = new Map<Member, readonly string[] | undefined>()
  readonly #users = new Map<string, User>()

  constructor(readonly address: string) {}

  get position(): Position {
    return { epoch: this.#epoch, offset: this.#log.length }
  }

  get users(): User[] {
    return [...this.#users.values()]
  }

  get members(): Member[] {
    return [...this.#members.keys()]
  }

  enter(member: Member, events?: readonly string[]): void {
    this.#members.set(member, events)
    this.present({ userId: member.userId })
  }

  leave(member: Member): void {
    if (!this.#members.delete(member)) return
    const stays = this.members.some(({ userId }) => userId === member.userId)
    if (!stays) this.absent(member.userId)
  }

  publish(event: string, payload: unknown): Position {
    this.#log.push({ event, payload, offset: this.#log.length + 1 })
    for (const [member, events] of this.#members) this.#send(member, this.#log.at(-1)!, events)
    return this.position
  }

  /** Sends again what was missed; says whether the log reaches back that far. */
  replay(member: Member, since: Position): { recovered: boolean; missed: number } {
    if (since.epoch !== this.#epoch) return { recovered: false, missed: 0 }
    const missed = this.#log.filter(({ offset }) => offset > since.offset)
    for (const logged of missed) this.#send(member, logged, this.#members.get(member))
    return { recovered: true, missed: missed.length }
  }

  history({ epoch, after }: { epoch: string; after: number }): History {
    const complete = epoch === this.#epoch
    return { events: complete ? this.#log.filter(({ offset }) => offset > after) : [], position: this.position, complete }
  }

  /** The log is lost. */
  forget(): void {
    this.#epoch = crypto.randomUUID()
    this.#log = []
  }

  present({ userId, ...further }: Partial<User> & { userId: string }): User {
    const known = this.#users.get(userId)
    const now = new Date().toISOString()
    const user: User = { status: 'online', connections: 1, joinedAt: now, ...known, ...further, userId, lastActiveAt: now }
    this.#users.set(userId, user)
    this.#tell(known ? { updated: [user] } : { joined: [user] })
    return user
  }

  absent(userId: string): void {
    if (this.#users.delete(userId)) this.#tell({ left: [userId] })
  }

  #send(member: Member, { event, payload, offset }: LoggedEvent, events: readonly string[] | undefined): void {
    if (events && !events.includes(event)) return
    member.send(event, payload, { room: this.address, epoch: this.#epoch, offset })
  }

  #tell(change: { joined?: User[]; updated?: User[]; left?: string[] }): void {
    const changed = { room: this.address, joined: [], updated: [], left: [], ...change }
    for (const member of this.members) member.send('presence:update', changed)
  }
}
