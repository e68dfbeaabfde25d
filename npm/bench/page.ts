/** What runs in the browser: measures one row of the table once, when it is told to. */

import type { Burst } from './burstServer.js'
import { official, samewire, type Subject } from './clients.js'
import { install, socketTo, type FakeSocket } from './fakeSocket.js'
import { EPOCH } from './handshake.js'
import { received, sent, type Sample } from './samples.js'

/** A row of the table. */
export interface Row {
  /** What is measured. */
  readonly kind: 'received' | 'sent' | 'sent and acknowledged' | 'received over a real socket'
  readonly event: string
  /** Of the first payload, as JSON. */
  readonly bytes: number
  readonly of: Sample['of']
}

/** What one measurement came to. */
export interface Run {
  readonly events: number
  /** Milliseconds of the clock that the client took. */
  readonly spent: number
  /** Those in between that its server took, on this page. */
  readonly served: number
}

/** How much is handed to a client in one measurement. */
const BYTES_A_RUN = 20_000_000
const MOST_EVENTS_A_RUN = 60_000
/** How much of it at once, before what it does later may be done. */
const BYTES_A_BATCH = 200_000

/** What goes over a real socket in one measurement: there a browser does more than the client. */
const BYTES_OVER_NETWORK = 3_000_000
const MOST_EVENTS_OVER_NETWORK = 8_000

const rows: { row: Row; sample: Sample; prepare: Prepare }[] = [
  ...received.map((sample) => ({ row: rowOf('received', sample), sample, prepare: receive })),
  ...sent.map((sample) => ({ row: rowOf('sent', sample), sample, prepare: send })),
  ...sent.map((sample) => ({ row: rowOf('sent and acknowledged', sample), sample, prepare: ask })),
  ...received.map((sample) => ({ row: rowOf('received over a real socket', sample), sample, prepare: receiveBurst })),
]

/** Makes what is measured ready, and gives what measures it. */
type Prepare = (sample: Sample) => Measure
type Measure = (name: Name) => Promise<Run>
type Name = 'samewire' | 'official'

/** A payload, and the frame that brings it. */
interface Frame {
  payload: unknown
  text: string
}

/** Both clients, at sockets that aren't there and at real ones. */
let clients: Promise<{ atFake: Record<Name, Subject>; atReal: Record<Name, Subject> }> | undefined
/** What is measured now. */
let measure: Measure | undefined
/** How far each room's log is, and what was emitted. */
const numbers = new Map<string, number>()

Object.assign(window, {
  rows: rows.map(({ row }) => row),

  /** Makes what both clients are given next. */
  async prepare(index: number): Promise<void> {
    clients ??= load()
    await clients
    const { sample, prepare } = rows[index]!
    measure = prepare(sample)
  },

  /** Lets the browser do what it put off, and throw away what was left over. */
  async rest(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve))
    ;(globalThis as { gc?: () => void }).gc?.()
  },

  /** Gives it to one of them. */
  run: (name: Name): Promise<Run> | undefined => measure?.(name),
})

async function load() {
  install()
  const real = `http://127.0.0.1:${new URLSearchParams(location.search).get('port')}`
  return {
    atFake: { samewire: await samewire('http://samewire.fake'), official: await official('http://official.fake') },
    atReal: { samewire: await samewire(real), official: await official(real) },
  }
}

/** A client at a socket that isn't there. */
async function atFake(name: Name): Promise<{ subject: Subject; socket: FakeSocket }> {
  const { atFake } = await clients!
  return { subject: atFake[name], socket: socketTo(`${name}.fake`) }
}

function receive(sample: Sample) {
  const frames = framesOf(sample)
  return async (name: Name) => {
    const { subject, socket } = await atFake(name)
    const counter = await Counter.of(subject, sample)
    const run = await timed(frames, async (batch) => {
      const handled = counter.more(batch.length)
      for (const { text } of batch) socket.receive(text)
      await handled
    })
    counter.end()
    return run
  }
}

function send(sample: Sample) {
  const frames = framesOf(sample)
  return async (name: Name) => {
    const { subject, socket } = await atFake(name)
    return timed(frames, async (batch) => {
      const swallowed = socket.swallow(batch.length)
      for (const { payload } of batch) subject.emit(sample.event, payload)
      await swallowed
    })
  }
}

function ask(sample: Sample) {
  const frames = framesOf(sample)
  const ackOf = (frame: string) => frame.slice(2, frame.indexOf('['))
  return async (name: Name) => {
    const { subject, socket } = await atFake(name)
    return timed(frames, async (batch) => {
      const swallowed = socket.swallow(batch.length)
      const answers = Promise.all(batch.map(({ payload }) => subject.ask(sample.event, payload)))
      const emitted = await swallowed
      const began = performance.now()
      const answered = emitted.map((frame, index) => flat(`43${ackOf(frame)}${batch[index]!.text}`))
      const answering = performance.now() - began
      for (const text of answered) socket.receive(text)
      await answers
      return answering
    })
  }
}

/** From asking for events to the handling of the last. */
function receiveBurst(sample: Sample) {
  const { event, room } = sample
  const count = Math.min(MOST_EVENTS_OVER_NETWORK, Math.round(BYTES_OVER_NETWORK / sample.bytes))
  const after = next(`${room} over a real socket`, count)
  const burst: Burst = { event, room, payload: sample.payload(after), count, after }
  return async (name: Name) => {
    const subject = (await clients!).atReal[name]
    const counter = await Counter.of(subject, sample)
    const began = performance.now()
    const handled = counter.more(count)
    subject.emit('burst', burst)
    await handled
    counter.end()
    return { events: count, spent: performance.now() - began, served: 0 }
  }
}

/** Waits for a handler to be called often enough. */
class Counter {
  #count = 0
  #awaited = 0
  #all = () => {}
  end = () => {}

  static async of(subject: Subject, { room, event }: Sample): Promise<Counter> {
    const counter = new Counter()
    counter.end = await subject.listen(room, event, () => {
      if (++counter.#count === counter.#awaited) counter.#all()
    })
    return counter
  }

  /** Resolves once so many more have come. */
  more(count: number): Promise<void> {
    this.#awaited += count
    return new Promise((resolve) => (this.#all = resolve))
  }
}

/** Hands events over in batches. What was done for a server in between, in milliseconds, is told apart. */
async function timed(frames: Frame[], hand: (batch: Frame[]) => Promise<number | void>): Promise<Run> {
  const size = Math.ceil((frames.length * BYTES_A_BATCH) / BYTES_A_RUN)
  const batches = Array.from({ length: Math.ceil(frames.length / size) }, (_, index) => frames.slice(index * size, (index + 1) * size))
  let served = 0
  const began = performance.now()
  for (const batch of batches) served += (await hand(batch)) ?? 0
  return { events: frames.length, spent: performance.now() - began - served, served }
}

/** As many events as a measurement takes; no two of them are the same. */
function framesOf(sample: Sample): Frame[] {
  const count = Math.min(MOST_EVENTS_A_RUN, Math.round(BYTES_A_RUN / sample.bytes))
  const first = next(sample.answer ? 'emitted' : sample.room, count)
  return Array.from({ length: count }, (_, index) => {
    const offset = first + index + 1
    const payload = sample.payload(offset)
    const text = sample.answer
      ? JSON.stringify([{ ok: true, data: sample.answer(payload) }])
      : `42${JSON.stringify([sample.event, payload, { room: sample.room, epoch: EPOCH, offset }])}`
    return { payload, text: flat(text) }
  })
}

/** Counts so many on in a log; where it was before. */
function next(log: string, count: number): number {
  const before = numbers.get(log) ?? 0
  numbers.set(log, before + count)
  return before
}

/** The same text in one piece, as one that came over a network is. */
function flat(text: string): string {
  return decoder.decode(encoder.encode(text))
}

const encoder = new TextEncoder()
const decoder = new TextDecoder()

function rowOf(kind: Row['kind'], sample: Sample): Row {
  return { kind, event: sample.event, of: sample.of, bytes: JSON.stringify(sample.payload(1)).length }
}
