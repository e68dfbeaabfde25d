import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'

type Way = 'up' | 'down'

/** How a connection is to end. */
export interface Cut {
  /** The direction in which bytes are counted, and how many still pass. */
  way: Way
  after: number
  /** Milliseconds after which it is cut even so. */
  within: number
  /** Milliseconds in which nothing passes any more before it is cut; for ever, if infinite. */
  stall: number
  /** Whether both ends see a reset, or an end as if all had been said. */
  reset: boolean
}

/** A connection that came through. */
export interface Passage {
  /** The first kilobytes of what the client said. */
  said: string
  /** Bytes that passed. */
  up: number
  down: number
  open: boolean
}

/** What a proxy does to those who come through; by default nothing. */
export interface Mischief {
  /** Draws how a connection ends. */
  cut?(): Cut
  /** Whether it may end now; else another end is drawn. */
  mayCut?(): boolean
  /** Told of each that was cut. */
  wasCut?(passage: Passage, cut: Cut): void
  /** Whether a connection that begins like this is refused. */
  refuses?(said: string): boolean
}

/** A TCP proxy before a server on this machine, which remembers who came through and may cut them off. */
export class Proxy {
  readonly passages: Passage[] = []
  mischief: Mischief = {}
  readonly #target: URL
  readonly #server: Server
  readonly #open = new Set<CarriedConnection>()

  private constructor(target: URL) {
    this.#target = target
    this.#server = createServer((client) => {
      const carried = new CarriedConnection(client, connect(Number(this.#target.port), this.#target.hostname), this.mischief, () => this.#open.delete(carried))
      this.#open.add(carried)
      this.passages.push(carried.passage)
    })
  }

  static async before(target: string): Promise<Proxy> {
    const proxy = new Proxy(new URL(target))
    proxy.#server.listen(0, '127.0.0.1')
    await once(proxy.#server, 'listening')
    return proxy
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** Those that said something like this in the beginning. */
  saying(pattern: RegExp): Passage[] {
    return this.passages.filter(({ said }) => pattern.test(said))
  }

  /** From now on nothing passes on the connections that are there, which stay open. */
  stall(): void {
    for (const carried of this.#open) carried.stall()
  }

  /** Cuts the connections that are there. */
  cut(): void {
    for (const carried of this.#open) carried.end(true)
  }

  async close(): Promise<void> {
    this.cut()
    this.#server.close()
    await once(this.#server, 'close')
  }
}

/** How much is kept of what a client said. */
const KEPT = 4096

class CarriedConnection {
  readonly passage: Passage = { said: '', up: 0, down: 0, open: true }
  readonly #sockets: [Socket, Socket]
  readonly #mischief: Mischief
  #cut: Cut | undefined
  /** Where its counting began. */
  #from = 0
  #timer: NodeJS.Timeout | undefined
  #stalled = false

  constructor(client: Socket, server: Socket, mischief: Mischief, ended: () => void) {
    this.#sockets = [client, server]
    this.#mischief = mischief
    this.#draw()
    for (const socket of this.#sockets) {
      socket.setNoDelay()
      socket.on('error', () => {})
      // Whoever hangs up takes the other along; once stalled nobody hears of it.
      socket.on('close', () => {
        if (!this.#stalled) this.end(false)
        if (this.#sockets.every(({ destroyed }) => destroyed)) ended()
      })
    }
    client.on('data', (bytes: Buffer) => this.#carry('up', bytes, client, server))
    server.on('data', (bytes: Buffer) => this.#carry('down', bytes, server, client))
  }

  stall(): void {
    this.#stalled = true
    for (const socket of this.#sockets) socket.pause()
  }

  end(reset: boolean): void {
    if (!this.passage.open) return
    this.passage.open = false
    clearTimeout(this.#timer)
    for (const socket of this.#sockets) reset ? socket.resetAndDestroy() : socket.destroySoon()
  }

  #draw(): void {
    clearTimeout(this.#timer)
    const cut = (this.#cut = this.#mischief.cut?.())
    if (!cut) return
    this.#from = this.passage[cut.way]
    this.#timer = setTimeout(() => this.#due(), cut.within)
  }

  /** Bytes of a direction that pass before the cut. */
  #left(way: Way): number {
    const cut = this.#cut
    return cut?.way === way ? Math.max(0, this.#from + cut.after - this.passage[way]) : Infinity
  }

  /** The cut's time has come. Whether it is made. */
  #due(): boolean {
    const cut = this.#cut
    if (!cut || this.#stalled || !this.passage.open) return false
    if (this.#mischief.mayCut?.() === false) {
      this.#draw()
      return false
    }
    this.stall()
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      this.end(cut.reset)
      this.#mischief.wasCut?.(this.passage, cut)
    }, cut.stall)
    return true
  }

  #carry(way: Way, bytes: Buffer, from: Socket, to: Socket): void {
    const { passage } = this
    if (way === 'up' && passage.said.length < KEPT) {
      passage.said += bytes.toString('latin1')
      if (this.#mischief.refuses?.(passage.said)) return this.end(true)
    }
    const left = this.#left(way)
    const passing = bytes.length >= left && this.#due() ? bytes.subarray(0, left) : bytes
    passage[way] += passing.length
    if (to.write(passing)) return
    from.pause()
    to.once('drain', () => this.#stalled || from.resume())
  }
}
