/** What runs in the browser: measures one row of the table once, when it is told to. */

import { official, samewire, type Subject } from './clients.js'
import { EPOCH, install, socketTo } from './fakeSocket.js'
import { received, sent, type Sample } from './samples.js'

/** A row of the table. */
export interface Row {
  /** What is measured. */
  readonly kind: 'received' | 'sent' | 'sent and acknowledged'
  readonly event: string
  /** Of the first payload, as JSON. */
  readonly bytes: number
  readonly of: Sample['of']
}

/** Events a second. */
export interface Rates {
  readonly samewire: number
  readonly official: number
}

/** How much is handed to a client in one measurement. */
const BYTES_A_RUN = 20_000_000
const MOST_EVENTS_A_RUN = 60_000
/** How much of it at once, before what it does later may be done. */
const BYTES_A_BATCH = 200_000

const rows: { row: Row; measure(subject: Subject, events: Frame[]): Promise<number>; sample: Sample }[] = [
  ...received.map((sample) => ({ row: rowOf('received', sample), sample, measure: receive(sample) })),
  ...sent.map((sample) => ({ row: rowOf('sent', sample), sample, measure: send(sample) })),
  ...sent.map((sample) => ({ row: rowOf('sent and acknowledged', sample), sample, measure: ask(sample) })),
]

/** A payload, and the frame that brings it. */
interface Frame {
  payload: unknown
  text: string
}

let subjects: Promise<Record<'samewire' | 'official', Subject>> | undefined
/** How far each room's log is, and what was emitted. */
const numbers = new Map<string, number>()

Object.assign(window, {
  rows: rows.map(({ row }) => row),

  /** Measures both clients with the same frames, one after the other. */
  async measure(index: number, officialFirst: boolean): Promise<Rates> {
    const { samewire, official } = await (subjects ??= load())
    const { sample, measure } = rows[index]!
    const frames = framesOf(sample)
    const rates = { samewire: 0, official: 0 }
    for (const name of officialFirst ? (['official', 'samewire'] as const) : (['samewire', 'official'] as const)) {
      await rest()
      rates[name] = await measure(name === 'samewire' ? samewire : official, frames)
    }
    return rates
  },
})

async function load(): Promise<Record<'samewire' | 'official', Subject>> {
  install()
  return { samewire: await samewire(), official: await official() }
}

function receive({ event, room }: Sample) {
  return async (subject: Subject, frames: Frame[]) => {
    let count = 0
    let awaited = 0
    let all = () => {}
    const off = await subject.listen(room, event, () => {
      if (++count === awaited) all()
    })
    const socket = socketTo(subject.host)
    const rate = await timed(frames, async (batch) => {
      awaited += batch.length
      const handled = new Promise<void>((resolve) => (all = resolve))
      for (const { text } of batch) socket.receive(text)
      await handled
    })
    off()
    return rate
  }
}

function send({ event }: Sample) {
  return (subject: Subject, frames: Frame[]) => {
    const socket = socketTo(subject.host)
    return timed(frames, async (batch) => {
      const swallowed = socket.swallow(batch.length)
      for (const { payload } of batch) subject.emit(event, payload)
      await swallowed
    })
  }
}

function ask({ event }: Sample) {
  return (subject: Subject, frames: Frame[]) => {
    const socket = socketTo(subject.host)
    return timed(frames, async (batch) => {
      const swallowed = socket.swallow(batch.length)
      const answers = Promise.all(batch.map(({ payload }) => subject.ask(event, payload)))
      const frames = await swallowed
      const began = performance.now()
      const answered = frames.map((frame, index) => flat(`43${ackOf(frame)}${batch[index]!.text}`))
      const answering = performance.now() - began
      for (const text of answered) socket.receive(text)
      await answers
      return answering
    })
  }

  function ackOf(frame: string): string {
    return frame.slice(2, frame.indexOf('['))
  }
}

/** Events a second, handed over in batches. What was done for a server in between, in milliseconds, doesn't count. */
async function timed(frames: Frame[], hand: (batch: Frame[]) => Promise<number | void>): Promise<number> {
  const size = Math.ceil((frames.length * BYTES_A_BATCH) / BYTES_A_RUN)
  const batches = Array.from({ length: Math.ceil(frames.length / size) }, (_, index) => frames.slice(index * size, (index + 1) * size))
  let spent = -performance.now()
  for (const batch of batches) spent -= (await hand(batch)) ?? 0
  spent += performance.now()
  return (frames.length / spent) * 1_000
}

/** As many events as a measurement takes; no two of them are the same. */
function framesOf(sample: Sample): Frame[] {
  const count = Math.min(MOST_EVENTS_A_RUN, Math.round(BYTES_A_RUN / sample.bytes))
  const log = sample.answer ? 'emitted' : sample.room
  const first = numbers.get(log) ?? 0
  numbers.set(log, first + count)
  return Array.from({ length: count }, (_, index) => {
    const offset = first + index + 1
    const payload = sample.payload(offset)
    const text = sample.answer
      ? JSON.stringify([{ ok: true, data: sample.answer(payload) }])
      : `42${JSON.stringify([sample.event, payload, { room: sample.room, epoch: EPOCH, offset }])}`
    return { payload, text: flat(text) }
  })
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

/** Lets the browser do what it put off, and throw away what was left over. */
async function rest(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve))
  ;(globalThis as { gc?: () => void }).gc?.()
}
