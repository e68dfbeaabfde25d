// The JavaScript half of `value.rs` and `writer.rs`: values that WebAssembly knows by numbers alone.
// 0 is nothing. What takes a number leaves it to its owner; what gives one, gives it away. Nothing here
// throws, whatever a server sent: the WebAssembly that called would be left in the middle.

/** By number: values, how many hold them, and whether they are texts that have one number alone. */
const values = [undefined]
const counts = [0]
const shared = [false]
const free = []
/** Texts as JSON, those that were wanted so. */
const quoted = []

/** Texts to their numbers, including some that nobody holds: most come again soon. */
const numbers = new Map()
let sweepAt = 512

/** Texts of the WebAssembly's own, by where they lie. They never move, and none is let go of. */
const constants = new Map()
let memory

/** Tells where the WebAssembly's memory is. */
export function begin(itsMemory) {
  memory = itsMemory
}

/** How many values are held: what is left of them after the last client is gone should be no more than texts. */
export const held = () => counts.reduce((sum, count, number) => sum + (count > 0 && !shared[number]), 0)

/** Keeps a value under a new number. */
export function keep(value) {
  const number = free.length > 0 ? free.pop() : values.length
  values[number] = value
  counts[number] = 1
  return number
}

/** The number of a text. */
export function word(text) {
  const known = numbers.get(text)
  if (known !== undefined) {
    counts[known] += 1
    return known
  }
  if (numbers.size >= sweepAt) sweep()
  const number = keep(text)
  shared[number] = true
  numbers.set(text, number)
  return number
}

/** The text that came last in each of an event's places: most times it comes again. */
const last = [NaN, NaN, NaN]
const lastNumber = [0, 0, 0]

export function again(place, value) {
  if (value === last[place] && lastNumber[place] !== 0) {
    const number = lastNumber[place]
    counts[number] += 1
    return number
  }
  const number = text(value)
  last[place] = value
  lastNumber[place] = number
  return number
}

function sweep() {
  last.fill(NaN)
  for (const [text, number] of numbers) {
    if (counts[number] > 0) continue
    numbers.delete(text)
    drop(number)
  }
  sweepAt = Math.max(512, numbers.size * 2)
}

function drop(number) {
  if (shared[number]) {
    shared[number] = false
    quoted[number] = undefined
  }
  values[number] = undefined
  free.push(number)
}

export function retain(number) {
  counts[number] += 1
}

export function release(number) {
  if ((counts[number] -= 1) === 0 && !shared[number]) drop(number)
}

/** The value of a number, which is let go of. */
export function take(number) {
  if (number === 0) return undefined
  const value = values[number]
  release(number)
  return value
}

const some = (value) => (value === undefined || value === null ? 0 : keep(value))
const text = (value) => (typeof value === 'string' ? word(value) : 0)
const own = (value, key) => (typeof value === 'object' && value !== null && Object.hasOwn(value, key) ? value[key] : undefined)

/** A text of the WebAssembly's own. */
function constant(at, length) {
  const place = at * 65_536 + length
  let number = constants.get(place)
  if (number === undefined) {
    number = word(new TextDecoder().decode(new Uint8Array(memory.buffer, at, length)))
    constants.set(place, number)
  }
  return number
}

export function known(at, length) {
  const number = constant(at, length)
  counts[number] += 1
  return number
}

export const field = (value, at, length) => some(own(values[value], values[constant(at, length)]))
export const item = (value, index) => {
  const array = values[value]
  return Array.isArray(array) && index < array.length ? keep(array[index]) : 0
}
export const textOf = (value) => text(values[value])
export const numberOf = (value) => (typeof values[value] === 'number' ? values[value] : NaN)
export const bytesOf = (value) => values[value]?.byteLength ?? 0
export const flagOf = (value) => [false, true].indexOf(values[value])

export const join = (one, at, length, other) => word(values[one] + values[constant(at, length)] + values[other])
export const before = (number, at, length) => {
  const place = values[number].indexOf(values[constant(at, length)])
  return place < 0 ? 0 : word(values[number].slice(0, place))
}
export const after = (number, at, length) => {
  const separator = values[constant(at, length)]
  return word(values[number].slice(values[number].indexOf(separator) + separator.length))
}
export const characterOf = (number, at) => values[number].charCodeAt(at)

// The frame that came.

let frame = ''
/** The JSON of its shortest head, where somebody read that. */
let parsed

/** Lays the frame ready that WebAssembly is about to read. */
export function arrive(text) {
  frame = text
  parsed = undefined
}

/** Where the shortest head of an event ends: `42` and no more. */
const SHORTEST = 2

const octet = (at) => {
  const unit = frame.charCodeAt(at)
  return unit < 128 ? unit : unit > 127 ? 255 : 0
}

/** Four characters in a number, the first of them in its lowest byte. */
export const characters = (at) => octet(at) | (octet(at + 1) << 8) | (octet(at + 2) << 16) | (octet(at + 3) << 24)

export function parse(at) {
  try {
    return keep(at === SHORTEST && parsed ? parsed : JSON.parse(frame.slice(at)))
  } catch {
    return 0
  }
}

/** Reads the frame as an event of a room with nothing else to it, as nearly all are. Whether it is one, and fits its type. */
export function readRoomEvent(into) {
  try {
    if (!frame.startsWith('42[')) return false
    parsed = JSON.parse(frame.slice(SHORTEST))
    const [event, payload, meta] = parsed
    if (typeof event !== 'string' || typeof meta?.room !== 'string' || typeof meta.epoch !== 'string') return false
    if (!Number.isSafeInteger(meta.offset) || meta.offset < 0 || checks[0][event]?.(payload)) return false
    into.event = event
    into.payload = payload
    into.room = meta.room
    into.epoch = meta.epoch
    into.offset = meta.offset
    return true
  } catch {
    return false
  }
}

// The arguments of an event: its name, its payload, and what rides along with it.

const meta = (event, key) => {
  const about = Array.isArray(values[event]) ? values[event][2] : undefined
  return own(about, key)
}
export const nameOf = (event) => again(0, Array.isArray(values[event]) ? values[event][0] : undefined)
export const roomOf = (event) => again(1, meta(event, 'room'))
export const epochOf = (event) => again(2, meta(event, 'epoch'))
export const offsetOf = (event) => {
  const offset = meta(event, 'offset')
  return Number.isSafeInteger(offset) ? offset : -1
}

// Binary values, which travel beside their frame.

let attachments = []

export function attach(attachment) {
  attachments.push(values[attachment])
}

/** Takes them. */
export function attached() {
  if (attachments.length === 0) return attachments
  const those = attachments
  attachments = []
  return those
}

export function withAttachments(value) {
  try {
    return keep(filled(values[value], attached()))
  } catch {
    return 0
  }
}

function filled(value, attachments) {
  if (typeof value !== 'object' || value === null) return value
  if (value._placeholder === true) {
    // By a number alone: an array has other properties of its own.
    if (typeof value.num !== 'number' || !Object.hasOwn(attachments, value.num)) throw new RangeError('no such attachment')
    return attachments[value.num]
  }
  for (const key of Object.keys(value)) value[key] = filled(value[key], attachments)
  return value
}

// The frame that is sent next.

let written = ''

export function writeAscii(at, length) {
  written += values[constant(at, length)]
}

export function writeNumber(at, length, number) {
  written += values[constant(at, length)] + number
}

export function writeQuoted(at, length, text) {
  written += values[constant(at, length)] + (shared[text] ? (quoted[text] ??= JSON.stringify(values[text])) : JSON.stringify(values[text]))
}

export function writeJson(at, length, json) {
  written += values[constant(at, length)] + values[json]
}

/** Takes the frame that was written. */
export function takeWritten() {
  const frame = written
  written = ''
  return frame
}

// Whether values fit their types.

let checks

/** Says by which checks WebAssembly checks from now on: payloads, and answers. */
export function checkBy(tables) {
  checks = tables
}

export function check(table, name, value) {
  try {
    const problem = checks[table][values[name]]?.(values[value])
    return problem === undefined ? 0 : word(problem)
  } catch {
    return word("payload: can't be checked")
  }
}

// Who is in the room that was asked about.

let users = []

export function addUser(user) {
  users.push(values[user])
}

/** Takes them. */
export function takeUsers() {
  const those = users
  users = []
  return those
}
