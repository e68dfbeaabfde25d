// The JavaScript half of `core.rs` and `told.rs`: it opens sockets, sets the timer, and does what the
// core says. It decides nothing.

import { again, arrive, begin, checkBy, keep, layOptions, readAnswer, readRoomEvent, sweep, take, takeOut, takeGathered, word } from './values.js'

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

export function fail(body, retryable) {
  const { code, message, retryAfterMs, current } = take(body)
  // The server's may hold anything.
  failure = { code, message: typeof message === 'string' ? message : '', retryable: retryable === 1, retryAfterMs: typeof retryAfterMs === 'number' ? retryAfterMs : undefined, current }
}

const takeFailure = () => {
  const last = failure
  failure = undefined
  return last
}

/** By what each engine that isn't over names all that it holds, if it can. */
const namers = new Set()

/** Whether all of them could. */
const nameAll = () => {
  for (const names of namers) if (!names()) return false
  return true
}

/** Makes a client's core with its sockets and its timer. `wasm` is what the WebAssembly exports. */
export function makeEngine(wasm, options, { payloads = {}, answers = {} }, host) {
  begin(wasm.memory)
  const checks = [payloads, answers]
  const sockets = new Map()
  const { reconnection, hasToken, transports = TRANSPORTS } = options
  const order = ORDERS.indexOf([...new Set(transports)].filter((name) => TRANSPORTS.includes(name)).join())
  layOptions([reconnection === false ? 0 : 1, hasToken ? 1 : 0, order < 0 ? ORDERS.length : order, ...NUMBERS.map((name) => given(options[name]))])
  const core = wasm.make(Math.random())
  let pausing = false
  let driving = false
  /** Something happened meanwhile. */
  let more = false
  let timer
  let wakesAt = Infinity
  let over = false

  /** Asks the core; `follow` says what it may tell then: 0 nothing, 1 what the network is to do, 2 anything. */
  function ask(input, follow = 0, a = 0, b = 0, c = 0, d = 0, e = 0, f = 0) {
    if (over) return undefined
    checkBy(checks)
    return wasm.call(core, input, Date.now(), follow, a, b, c, d, e, f)
  }

  /** Tells the core something, and does what follows from it. */
  function input(input, a, b, c, d, e, f) {
    drive(ask(input, follow(), a, b, c, d, e, f))
  }

  /** The host's methods run application code, which may call back in here: whoever is driving up the stack does the rest. */
  const follow = () => (driving ? 0 : pausing ? 1 : 2)

  /** Does what follows from what the core gave. */
  function drive(came) {
    more = driving
    if (driving) return
    driving = true
    perform()
    while (came === MORE || more) {
      more = false
      came = ask(0 /* Tick */, pausing ? 1 : 2)
      perform()
    }
    driving = false
    if (!over) setTimer(came)
    sweep(nameAll)
  }

  /** Does what the core said last. */
  function perform(what = told[0]) {
    const [, a, b, c, d] = told
    told[0] = NOTHING
    try {
      switch (what) {
        case 0 /* Open */:
          return open(a, TRANSPORTS[b], take(c))
        case 1 /* Send */:
          return send(a, takeOut(b))
        case 2 /* Pause */:
          return sockets.get(a)?.pause()
        case 3 /* Shut */:
          return shut(a)
        case 4 /* State */:
          return host.stateChanged(STATUSES[a], b, c, takeFailure(), TRANSPORTS[d])
        case 5 /* Session */:
          return host.sessionChanged(take(a))
        case 6 /* TokenNeeded */:
          return host.tokenNeeded()
        case 7 /* Settled */:
          return host.settled(a, takeFailure(), takeOut(b))
        case 8 /* Joined */:
          pause()
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
  function setTimer(deadline) {
    if (deadline < 0) return stopTimer()
    if (wakesAt <= deadline) return
    stopTimer()
    wakesAt = deadline
    timer = setTimeout(wake, Math.min(Math.max(deadline - Date.now(), 0), LONGEST_WAIT))
  }

  function stopTimer() {
    clearTimeout(timer)
    timer = undefined
    wakesAt = Infinity
  }

  function wake() {
    stopTimer()
    input(0 /* Tick */)
  }

  /** Whoever waits for what is told now gets to listen before more is. In the next task: a timer comes late, in a hidden page by a second. */
  function pause() {
    pausing = true
    const { port1, port2 } = new MessageChannel()
    port1.onmessage = () => {
      port1.close()
      pausing = false
      input(0 /* Tick */)
    }
    port2.postMessage(undefined)
  }

  function open(id, transport, session) {
    // Browsers say nothing of why a websocket closed; Node.js, and who closes it in good order, do.
    const lost = (message) => input(19 /* Lost */, id, word(message || 'the socket closed'))
    try {
      const socket = host.openSocket(transport, session)
      sockets.set(id, socket)
      socket.binaryType = 'arraybuffer'
      socket.onmessage = ({ data }) => receive(id, data)
      socket.onclose = socket.onerror = (event) => lost(event?.reason || event?.message)
      const ready = () => input(20 /* Ready */, id)
      if (session) socket.onopen = ready
      else if (transport === 'polling') socket.onpause = ready
    } catch (error) {
      lost(error?.message)
    }
  }

  function receive(id, data) {
    if (typeof data === 'string') {
      arrive(data)
      if (!passes(id)) input(17 /* Frame */, id)
    } else if (data instanceof ArrayBuffer) input(18 /* Attachment */, id, keep(data, data.byteLength))
  }

  /** The short way of an event of a room that fits its type, and whose turn it is with nothing else to be done: nearly every frame's. */
  function passes(id) {
    if (over || driving || pausing) return false
    checkBy(checks)
    if (!readRoomEvent(arrival)) return settles(id)
    const [name, room, epoch] = [again(0, arrival.event), again(1, arrival.room), again(2, arrival.epoch)]
    const passes = wasm.next(core, Date.now(), id, name, room, epoch, arrival.offset) === 1
    if (passes) {
      perform(15 /* Arrived */)
      sweep(nameAll)
    }
    return passes
  }

  /** The same of an answer that says `ok`, and fits its type. */
  function settles(id) {
    const answer = readAnswer()
    const call = answer ? ask(26 /* Answer */, 0, id, ...answer) : -1
    if (call < 0) return false
    told[1] = call
    told[2] = answer[1]
    perform(7 /* Settled */)
    sweep(nameAll)
    return true
  }

  /** A socket that can't send closes, and says so. */
  function send(id, { text, attachments }) {
    const socket = sockets.get(id)
    try {
      socket?.send(text)
      for (const attachment of attachments) socket?.send(attachment)
    } catch {}
  }

  function shut(id) {
    const socket = sockets.get(id)
    if (!socket) return
    sockets.delete(id)
    socket.onopen = socket.onpause = socket.onmessage = socket.onclose = socket.onerror = null
    // In good order; a browser that leaves it to itself says that the page went away.
    socket.close(1000)
  }

  /** Names what the core holds. Whether it was all of it. */
  const names = () => ask(25 /* Held */) === 1
  namers.add(names)

  return {
    connect: () => input(1 /* Connect */),
    disconnect: () => input(2 /* Disconnect */),

    /** Ends everything: no timer, no socket and no memory stays, and nothing more is told. */
    close() {
      if (over) return
      ask(3 /* Close */)
      let came
      do {
        came = ask(0 /* Tick */, 1)
        perform()
      } while (came === MORE)
      over = true
      stopTimer()
      wasm.free(core)
      namers.delete(names)
      sweep(nameAll, true)
    },

    token: (token) => input(4 /* Token */, token === undefined ? 0 : word(token)),
    tokenFailed: (message) => input(5 /* TokenFailed */, word(message)),
    emit: (call, event, encoded, id, timeout, retries) => input(6 /* Emit */, call, word(event), keepEncoded(encoded), keep(id), given(timeout), given(retries)),

    /** The failure, where it couldn't. */
    emitVolatile(event, encoded) {
      const payload = keep(encoded)
      const came = ask(7 /* EmitVolatile */, follow(), word(event), payload)
      // It is in a frame by now.
      takeOut(payload)
      if (came === FAILED) return takeFailure()
      drive(came)
    },

    cancel: (call) => input(8 /* Cancel */, call),
    acknowledge: (ack, encoded) => input(9 /* Acknowledge */, keep(ack), keepEncoded(encoded)),
    join: (handle, room, events) => input(10 /* Join */, handle, word(room), events ? keep(events) : 0),
    leave: (handle) => input(11 /* Leave */, handle),
    page: (event) => input(PAGE[event]),

    position(room) {
      const offset = ask(21 /* Offset */, 0, word(room))
      return offset >= 0 ? { epoch: take(ask(22 /* Epoch */, 0, word(room))), offset } : undefined
    },

    users(room) {
      ask(23 /* Users */, 0, word(room))
      return takeGathered()
    },

    get stats() {
      return { timers: timer === undefined ? 0 : 1, sockets: sockets.size, rooms: ask(24 /* Rooms */) ?? 0 }
    },
  }
}

/** A number that the core takes; less than 0 where none was given that makes sense. */
const given = (number) => (typeof number === 'number' && number >= 0 ? Math.min(number, MOST) : -1)
const keepEncoded = (encoded) => keep(encoded, encoded.attachments.reduce((sum, { byteLength }) => sum + byteLength, encoded.text.length))
