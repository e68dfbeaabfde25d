// The JavaScript half of `core.rs` and `told.rs`: it opens sockets, sets the timer, and does what the
// core says. It decides nothing.

import { arrive, attached, begin, checkBy, keep, take, takeUsers, takeWritten, word } from './values.js'

/** Timers may stand still while a laptop sleeps: so soon after it wakes somebody looks at the clock. To be woken too early does no harm. */
const LONGEST_WAIT = 15_000

// By the numbers that `told.rs` and `core.rs` have for them.
const TRANSPORTS = ['websocket', 'polling']
const STATUSES = ['idle', 'connecting', 'authenticating', 'connected', 'reconnecting', 'closed']
const PAGE = ['online', 'offline', 'shown', 'away', 'back']

/** What the core gives when it said something, and no deadline. */
const TOLD = -2

/** What the core said last, until it is done. */
const told = []
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

export function tellArrived(event, payload, room, epoch, offset, ack, args) {
  told[0] = ARRIVED
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

/** What is done, by the number of `What` in `told.rs`. */
const PERFORM = [
  (engine, socket, transport, session) => engine.open(socket, TRANSPORTS[transport], take(session)),
  (engine, socket) => engine.send(socket, takeWritten(), attached()),
  (engine, socket) => engine.sockets.get(socket)?.pause(),
  (engine, socket) => engine.shut(socket),
  ({ host }, status, attempt, retryAt, transport) => host.stateChanged(STATUSES[status], attempt, retryAt, takeFailure(), TRANSPORTS[transport]),
  ({ host }, session) => host.sessionChanged(take(session)),
  ({ host }) => host.tokenNeeded(),
  ({ host }, call, answer) => host.settled(call, takeFailure(), take(answer)),
  (engine, handle, room) => {
    engine.pause()
    engine.host.joined(handle, take(room))
  },
  ({ host }, handle) => host.refused(handle, takeFailure()),
  ({ host }, room, missed) => host.recovered(take(room), missed),
  ({ host }, room, epoch, offset) => host.reset(take(room), { epoch: take(epoch), offset }),
  ({ host }, room) => host.removed(take(room), takeFailure()),
  ({ host }, room) => host.presenceChanged(take(room)),
  ({ host }, event, path, message) => host.fault(take(event), take(path), take(message)),
]

/** The last of them. */
const ARRIVED = PERFORM.push(({ host }) => {
  const { event, payload, room, epoch, offset, ack, args } = arrival
  arrival.payload = arrival.args = undefined
  host.arrived(event, payload, room, epoch, offset, ack, args)
}) - 1

/** A client's core with its sockets and its timer. */
export class Engine {
  /** `wasm` is what WebAssembly gave: how to make a core, and its memory. */
  constructor({ makeCore, memory }, options, checks, host) {
    begin(memory)
    this.checks = [checks.payloads ?? {}, checks.answers ?? {}]
    this.host = host
    this.sockets = new Map()
    this.core = makeCore(keep(options), Math.random())
    this.pausing = false
    this.driving = false
    this.timer = undefined
    this.wakesAt = Infinity
    this.over = false
  }

  /** Tells the core something, and does what follows from it. */
  input(input) {
    if (this.over) return undefined
    checkBy(this.checks)
    this.core.tick(Date.now())
    const given = input(this.core)
    this.drive()
    return given
  }

  /** The host's methods run application code, which may call back in here: whoever is driving up the stack does the rest. */
  drive() {
    if (this.driving) return
    this.driving = true
    let deadline
    while (!this.over && (deadline = this.core.poll(!this.pausing)) === TOLD) {
      this.perform()
      checkBy(this.checks)
    }
    this.driving = false
    if (!this.over) this.setTimer(deadline)
  }

  /** Does what the core said last. */
  perform() {
    try {
      PERFORM[told[0]](this, told[1], told[2], told[3], told[4])
    } catch (error) {
      this.host.report(error)
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
    this.input(() => {})
  }

  /** Whoever waits for what is told now gets to listen before more is. In the next task: a timer comes late, in a hidden page by a second. */
  pause() {
    this.pausing = true
    const { port1, port2 } = new MessageChannel()
    port1.onmessage = () => {
      port1.close()
      this.pausing = false
      this.input(() => {})
    }
    port2.postMessage(undefined)
  }

  open(id, transport, session) {
    const lost = (message) => this.input((core) => core.lost(id, word(message)))
    try {
      const socket = this.host.openSocket(transport, session)
      this.sockets.set(id, socket)
      socket.binaryType = 'arraybuffer'
      socket.onmessage = ({ data }) => this.receive(id, data)
      socket.onclose = socket.onerror = () => lost('the socket closed')
      const ready = () => this.input((core) => core.ready(id))
      if (session) socket.onopen = ready
      else if (transport === 'polling') socket.onpause = ready
    } catch (error) {
      lost(error?.message ?? "the socket couldn't be opened")
    }
  }

  receive(id, data) {
    if (typeof data === 'string') {
      if (this.over) return
      checkBy(this.checks)
      arrive(data)
      this.core.frame(id, Date.now())
      this.drive()
    } else if (data instanceof ArrayBuffer) this.input((core) => core.attachment(id, keep(data)))
  }

  /** A socket that can't send closes, and says so. */
  send(id, frame, attachments) {
    const socket = this.sockets.get(id)
    try {
      socket?.send(frame)
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
    this.input((core) => core.connect())
  }

  disconnect() {
    this.input((core) => core.disconnect())
  }

  /** Ends everything: no timer, no socket and no memory stays, and nothing more is told. */
  close() {
    if (this.over) return
    this.core.close()
    while (this.core.poll(false) === TOLD) this.perform()
    this.over = true
    this.stopTimer()
    this.core.free()
  }

  token(token) {
    this.input((core) => core.token(token === undefined ? 0 : word(token)))
  }

  tokenFailed(message) {
    this.input((core) => core.tokenFailed(word(message)))
  }

  emit(call, event, json, attachments, id, timeout = -1, retries = -1) {
    this.input((core) => core.emit(call, word(event), keep(json), several(attachments), keep(id), timeout, retries))
  }

  emitVolatile(event, json, attachments) {
    return this.input((core) => (core.emitVolatile(word(event), keep(json), several(attachments)) ? undefined : takeFailure()))
  }

  cancel(call) {
    this.input((core) => core.cancel(call))
  }

  acknowledge(ack, json, attachments) {
    this.input((core) => core.acknowledge(ack, keep(json), several(attachments)))
  }

  join(handle, room, events) {
    this.input((core) => core.join(handle, word(room), events ? keep(events) : 0))
  }

  leave(handle) {
    this.input((core) => core.leave(handle))
  }

  page(event) {
    this.input((core) => core.page(PAGE.indexOf(event)))
  }

  position(room) {
    if (this.over) return undefined
    const offset = this.core.offset(word(room))
    return offset < 0 ? undefined : { epoch: take(this.core.epoch(word(room))), offset }
  }

  users(room) {
    if (this.over) return []
    this.core.users(word(room))
    return takeUsers()
  }

  get stats() {
    return { timers: this.timer === undefined ? 0 : 1, sockets: this.sockets.size, rooms: this.over ? 0 : this.core.rooms() }
  }
}

const several = (attachments) => (attachments.length > 0 ? keep(attachments) : 0)
