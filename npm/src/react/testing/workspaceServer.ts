import { SamewireError } from '../../error.js'
import type { Item, UpdateData } from '../../protocol.js'
import type { TestServer } from '../../testing/index.js'
import { testServer } from './renderWithServer.js'

/** A server that keeps the items of the room `room:board`, as the real one does (wire.md, section 12). */
export class WorkspaceServer {
  readonly server: TestServer = testServer()
  readonly items = new Map<string, Item>()
  /** Reads wait for it. */
  reading: Promise<void> = Promise.resolve()
  /** Whether a snapshot is of the end of its reading, not of the beginning. */
  readsLate = false
  /** The room is told of a change only when it is let through. */
  #held: (() => void)[] | undefined

  constructor(items: Item[] = []) {
    for (const item of items) this.items.set(item.id, item)
    this.server.on('data:update', (update, { userId }) => this.update(update, userId))
    this.server.on('data:snapshot', async () => {
      const read = () => ({ items: [...this.items.values()], position: this.server.position('room:board') })
      const early = read()
      await this.reading
      return this.readsLate ? read() : early
    })
  }

  /** Somebody changes an item. */
  update({ entity, action, id = 'made up', data, baseVersion }: Partial<UpdateData> & Pick<UpdateData, 'entity' | 'action'>, userId = 'grace'): Item {
    const known = this.items.get(id!)
    if (known && baseVersion != null && baseVersion !== known.version) {
      throw new SamewireError('CONFLICT', 'somebody else was faster', false, undefined, known)
    }
    if (!known && action !== 'create') throw new SamewireError('NOT_FOUND', 'no such item')
    const item: Item = { id: id!, version: (known?.version ?? 0) + 1, data: action === 'delete' ? null : data }
    if (action === 'delete') this.items.delete(item.id)
    else this.items.set(item.id, item)
    const told = { room: 'room:board', entity, action, userId, timestamp: '2026-01-01T00:00:00.000Z', ...item }
    const tell = () => void this.server.deliver('room:board', 'data:update', told)
    if (this.#held) this.#held.push(tell)
    else tell()
    return item
  }

  hold(): void {
    this.#held = []
  }

  letThrough(): void {
    for (const tell of this.#held?.splice(0) ?? []) tell()
    this.#held = undefined
  }
}
