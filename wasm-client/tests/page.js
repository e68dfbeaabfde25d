// A page without a network: it records what it is told, and its sockets say what a test makes them say.

export class Page {
  calls = []
  sockets = []
  asked = []
  reported = []
  /** Called in the middle of being told of something, by name. */
  reactions = {}

  openSocket(transport, session = '') {
    this.asked.push(`${transport} ${session}`)
    const socket = { sent: [], closed: false, pause: () => {}, send: (frame) => socket.sent.push(frame), close: () => (socket.closed = true) }
    this.sockets.push(socket)
    return socket
  }

  report(error) {
    this.reported.push(error)
  }

  receive(data) {
    this.sockets.at(-1).onmessage({ data })
  }

  call(socket, handler) {
    this.sockets[socket][handler]()
  }

  lose() {
    this.sockets.at(-1).onclose()
  }

  /** What was told under a name, each call as JSON. */
  told(name) {
    return this.calls.filter(([called]) => called === name).map(([, ...args]) => JSON.stringify(args))
  }

  /** The payload of the last event, itself. */
  payload() {
    return this.calls.filter(([called]) => called === 'arrived').at(-1)[2]
  }

  sent() {
    return this.sockets.at(-1).sent
  }

  onTold(name, reaction) {
    this.reactions[name] = reaction
  }
}

const NAMES = ['tokenNeeded', 'stateChanged', 'sessionChanged', 'arrived', 'settled', 'joined', 'refused', 'recovered', 'reset', 'removed', 'presenceChanged', 'fault']

for (const name of NAMES) {
  Page.prototype[name] = function (...args) {
    this.calls.push([name, ...args])
    this.reactions[name]?.()
  }
}

/** Checks of a protocol with two events. */
export const checks = () => ({
  payloads: { number: (value) => (typeof value === 'number' ? undefined : 'payload: expected a number') },
  answers: {
    ask: (value) => {
      if (value !== 'well') throw new Error('a check that fails itself')
    },
  },
})
