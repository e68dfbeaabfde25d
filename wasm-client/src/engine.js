// The JavaScript half of `core.rs` and `told.rs`: it opens sockets, sets the timer, and does what the
// core says. It decides nothing.

import { again, arrive, begin, checkBy, keep, layOptions, readAnswer, readRoomEvent, sweep, take, takeOut, takeUsers, word } from './values.js'

/** Timers may stand still while a laptop sleeps: so soon after it wakes somebody looks at the clock. To be woken too early does no harm. */
const LONGEST_WAIT = 15_000

/** The largest number that the core takes. */
const MOST = 2 ** 31 - 1

// Numbers with a name beside them are those that `numbers.rs` has for it.

/** By those of `Status`. */
const STATUSES = ['idle', 'connecting', 'authenticating', 'connected', 'reconnecting', 'closed']

const TRANSPORTS = ['websocket', 'polling']

/** Lists of transports, by the numbers of `options.rs`. */
const ORDERS = ['websocket,polling', 'polling,websocket', 'websocket', 'polling']

/** Options that are numbers, in the order of `options.rs`, which has three before these. */
const NUMBERS = ['reconnectionDelay', 'reconnectionDelayMax', 'timeout', 'ackTimeout', 'reconnectionAttempts', 'randomizationFactor', 'retries', 'queueLimit', 'maxAttachmentBytes']

const PAGE = { online: 12 /* Online */, offline: 13 /* Offline */, shown: 14 /* Shown */, away: 15 /* Away */, back: 16 /* Back */ }

/** What the core gives when it has more to say than it said, and no deadline. */
const MORE = -2
/** What it gives when it said why something failed. */
const FAILED = -3

const NOTHING = -1

/** What the core said last, until it is done. */
const told = [NOTHING]
let failure

export function tell(what, a, b, c, d) {
  told[0] = what
  told[1] = a
  told[2] = b
  told[3] = c
  told[4] = d
}

/** The event that came last. */
const arrival = { event: '', payload: undefined, room: undefined, epoch: undefined, offset: 0, ack: undefined, args: undefined }

function arrived(host) {
  const { event, payload, room, epoch, offset, ack, args } = arrival
  arrival.payload = arrival.ack = arrival.args = undefined
  host.arrived(event, payload, room, epoch, offset, ack, args)
}

export function tellArrived(event, payload, room, epoch, offset, ack, args) {
  told[0] = 15 /* Arrived */
  arrival.event = take(event)
  arrival.payload = take(payload)
  arrival.room = take(room)
  arrival.epoch = take(epoch)
  arrival.offset = offset
  arrival.ack = ack < 0 ? undefined : ack
  arrival.args = take(args)
}

export function fail(code, message, retryable, retryAfterMs) {
  failure = { code: take(code), message: take(message), retryable: retryable === 1, ...(retryAfterMs >= 0 && { retryAfterMs }) }
}

const takeFailure = () => {
  const last = failure
  failure = undefined
  return last
}

/** Those that aren't over. */
const engines = new Set()

/** Whether all of them could name what they hold. */
const nameAll = () => {
  for (const engine of engines) if (engine.call(25 /* Held */) !== 1) return false
  return true
}

/** A client's core with its sockets and its timer. */
export class Engine {
  /** `wasm` is what the WebAssembly exports. */
  constructor(wasm, options, checks, host) {
    begin(wasm.memory)
    this.wasm = wasm
    this.checks = [checks.payloads ?? {}, checks.answers ?? {}]
    this.host = host
    this.sockets = new Map()
    const { reconnection, hasToken, transports = TRANSPORTS } = options
    const order = ORDERS.indexOf([...new Set(transports)].filter((name) => TRANSPORTS.includes(name)).join())
    layOptions([reconnection === false ? 0 : 1, hasToken ? 1 : 0, order < 0 ? ORDERS.length : order, ...NUMBERS.map((name) => given(options[name]))])
    this.core = wasm.make(Math.random())
    this.pausing = false
    this.driving = false
    /** Something happened meanwhile. */
    this.again = false
    this.timer = undefined
    this.wakesAt = Infinity
    this.over = false
    engines.add(this)
  }

  /** Asks the core; `follow` says what it may tell then: 0 nothing, 1 what the network is to do, 2 anything. */
  call(input, follow = 0, a = 0, b = 0, c = 0, d = 0, e = 0, f = 0) {
    if (this.over) return undefined
    checkBy(this.checks)
    return this.wasm.call(this.core, input, Date.now(), follow, a, b, c, d, e, f)
  }

  /** Tells the core something, and does what follows from it. */
  input(input, a, b, c, d, e, f) {
    this.drive(this.call(input, this.follow, a, b, c, d, e, f))
  }

  /** The host's methods run application code, which may call back in here: whoever is driving up the stack does the rest. */
  get follow() {
    if (this.driving) return 0
    return this.pausing ? 1 : 2
  }

  /** Does what follows from what the core gave. */
  drive(given) {
    this.again = this.driving
    if (this.driving) return
    this.driving = true
    this.perform()
    while (given === MORE || this.again) {
      this.again = false
      given = this.call(0 /* Tick */, this.pausing ? 1 : 2)
      this.perform()
    }
    this.driving = false
    if (!this.over) this.setTimer(given)
    sweep(nameAll)
  }

  /** Does what the core said last. */
  perform(what = told[0]) {
    const { host } = this
    const [, a, b, c, d] = told
    told[0] = NOTHING
    try {
      switch (what) {
        case 0 /* Open */:
          return this.open(a, TRANSPORTS[b], take(c))
        case 1 /* Send */:
          return this.send(a, takeOut(b))
        case 2 /* Pause */:
          return this.sockets.get(a)?.pause()
        case 3 /* Shut */:
          return this.shut(a)
        case 4 /* State */:
          return host.stateChanged(STATUSES[a], b, c, takeFailure(), TRANSPORTS[d])
        case 5 /* Session */:
          return host.sessionChanged(take(a))
        case 6 /* TokenNeeded */:
          return host.tokenNeeded()
        case 7 /* Settled */:
          return host.settled(a, takeFailure(), takeOut(b))
        case 8 /* Joined */:
          this.pause()
          return host.joined(a, take(b))
        case 9 /* Refused */:
          return host.refused(a, takeFailure())
        case 10 /* Recovered */:
          return host.recovered(take(a), b)
        case 11 /* Reset */:
          return host.reset(take(a), { epoch: take(b), offset: c })
        case 12 /* Removed */:
          return host.removed(take(a), takeFailure())
        case 13 /* Presence */:
          return host.presenceChanged(take(a))
        case 14 /* Fault */:
          return host.fault(take(a), take(b))
        case 15 /* Arrived */:
          return arrived(host)
      }
    } catch (error) {
      host.report(error)
    }
  }

  /** Every frame moves the heartbeat's deadline away. A timer that wakes too early is cheaper than one that is set anew each time. */
  setTimer(deadline) {
    if (deadline < 0) return this.stopTimer()
    if (this.wakesAt <= deadline) return
    this.stopTimer()
    this.wakesAt = deadline
    this.timer = setTimeout(() => this.wake(), Math.min(Math.max(deadline - Date.now(), 0), LONGEST_WAIT))
  }

  stopTimer() {
    clearTimeout(this.timer)
    this.timer = undefined
    this.wakesAt = Infinity
  }

  wake() {
    this.stopTimer()
    this.input(0 /* Tick */)
  }

  /** Whoever waits for what is told now gets to listen before more is. In the next task: a timer comes late, in a hidden page by a second. */
  pause() {
    this.pausing = true
    const { port1, port2 } = new MessageChannel()
    port1.onmessage = () => {
      port1.close()
      this.pausing = false
      this.input(0 /* Tick */)
    }
    port2.postMessage(undefined)
  }

  open(id, transport, session) {
    const lost = (message) => this.input(19 /* Lost */, id, word(message))
    try {
      const socket = this.host.openSocket(transport, session)
      this.sockets.set(id, socket)
      socket.binaryType = 'arraybuffer'
      socket.onmessage = ({ data }) => this.receive(id, data)
      // Browsers say nothing of why a websocket closed; Node.js, and who closes it in good order, do.
      socket.onclose = socket.onerror = (event) => lost(event?.reason || event?.message || 'the socket closed')
      const ready = () => this.input(20 /* Ready */, id)
      if (session) socket.onopen = ready
      else if (transport === 'polling') socket.onpause = ready
    } catch (error) {
      lost(error?.message ?? "the socket couldn't be opened")
    }
  }

  receive(id, data) {
    if (typeof data === 'string') {
      arrive(data)
      if (!this.passes(id)) this.input(17 /* Frame */, id)
    } else if (data instanceof ArrayBuffer) this.input(18 /* Attachment */, id, keep(data, data.byteLength))
  }

  /** The short way of an event of a room that fits its type, and whose turn it is with nothing else to be done: nearly every frame's. */
  passes(id) {
    if (this.over || this.driving || this.pausing) return false
    checkBy(this.checks)
    if (!readRoomEvent(arrival)) return this.settles(id)
    const [name, room, epoch] = [again(0, arrival.event), again(1, arrival.room), again(2, arrival.epoch)]
    const passes = this.wasm.next(this.core, Date.now(), id, name, room, epoch, arrival.offset) === 1
    if (passes) {
      this.perform(15 /* Arrived */)
      sweep(nameAll)
    }
    return passes
  }

  /** The same of an answer that says `ok`, and fits its type. */
  settles(id) {
    const answer = readAnswer()
    const call = answer ? this.call(26 /* Answer */, 0, id, ...answer) : -1
    if (call < 0) return false
    told[1] = call
    told[2] = answer[1]
    this.perform(7 /* Settled */)
    sweep(nameAll)
    return true
  }

  /** A socket that can't send closes, and says so. */
  send(id, { text, attachments }) {
    const socket = this.sockets.get(id)
    try {
      socket?.send(text)
      for (const attachment of attachments) socket?.send(attachment)
    } catch {}
  }

  shut(id) {
    const socket = this.sockets.get(id)
    if (!socket) return
    this.sockets.delete(id)
    socket.onopen = socket.onpause = socket.onmessage = socket.onclose = socket.onerror = null
    // In good order; a browser that leaves it to itself says that the page went away.
    socket.close(1000)
  }

  connect() {
    this.input(1 /* Connect */)
  }

  disconnect() {
    this.input(2 /* Disconnect */)
  }

  /** Ends everything: no timer, no socket and no memory stays, and nothing more is told. */
  close() {
    if (this.over) return
    this.call(3 /* Close */)
    let given
    do {
      given = this.call(0 /* Tick */, 1)
      this.perform()
    } while (given === MORE)
    this.over = true
    this.stopTimer()
    this.wasm.free(this.core)
    engines.delete(this)
    sweep(nameAll, true)
  }

  token(token) {
    this.input(4 /* Token */, token === undefined ? 0 : word(token))
  }

  tokenFailed(message) {
    this.input(5 /* TokenFailed */, word(message))
  }

  emit(call, event, encoded, id, timeout, retries) {
    this.input(6 /* Emit */, call, word(event), keepEncoded(encoded), keep(id), given(timeout), given(retries))
  }

  /** The failure, where it couldn't. */
  emitVolatile(event, encoded) {
    const payload = keep(encoded)
    const came = this.call(7 /* EmitVolatile */, this.follow, word(event), payload)
    // It is in a frame by now.
    takeOut(payload)
    if (came === FAILED) return takeFailure()
    this.drive(came)
  }

  cancel(call) {
    this.input(8 /* Cancel */, call)
  }

  acknowledge(ack, encoded) {
    this.input(9 /* Acknowledge */, keep(ack), keepEncoded(encoded))
  }

  join(handle, room, events) {
    this.input(10 /* Join */, handle, word(room), events ? keep(events) : 0)
  }

  leave(handle) {
    this.input(11 /* Leave */, handle)
  }

  page(event) {
    this.input(PAGE[event])
  }

  position(room) {
    const offset = this.call(21 /* Offset */, 0, word(room))
    return offset >= 0 ? { epoch: take(this.call(22 /* Epoch */, 0, word(room))), offset } : undefined
  }

  users(room) {
    this.call(23 /* Users */, 0, word(room))
    return takeUsers()
  }

  get stats() {
    return { timers: this.timer === undefined ? 0 : 1, sockets: this.sockets.size, rooms: this.call(24 /* Rooms */) ?? 0 }
  }
}

/** A number that the core takes; less than 0 where none was given that makes sense. */
const given = (number) => (typeof number === 'number' && number >= 0 ? Math.min(number, MOST) : -1)
const keepEncoded = (encoded) => keep(encoded, encoded.attachments.reduce((sum, { byteLength }) => sum + byteLength, encoded.text.length))
