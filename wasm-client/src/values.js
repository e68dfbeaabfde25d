// The JavaScript half of `value.rs` and `writer.rs`: values that WebAssembly knows by numbers alone.
// 0 is nothing. Nobody counts who holds a number: from time to time the clients are asked what they hold,
// and the rest is let go of. Nothing here throws, whatever a server sent: the WebAssembly that called would
// be left in the middle.

/** By number: values, and whether they are texts that have one number alone. */
const values = [undefined]
const shared = [false]
let free = []
/** Texts as JSON, those that were wanted so. */
const quoted = []

/** Texts to their numbers. */
const numbers = new Map()

/** Texts of the WebAssembly's own, by where they lie. They never move, and none is let go of. */
const constants = new Map()
let memory

/** Tells where the WebAssembly's memory is. */
export function begin(itsMemory) {
  memory = itsMemory
}

/** Numbers that may be given before the clients are asked what they hold, at least. */
const FEW = 4096
/** Letters and bytes that may be kept until then. */
const MUCH = 4_000_000

let sweepAt = FEW
let kept = 0
/** The numbers that a client holds, while they are asked. */
let named

const inUse = () => values.length - free.length

/** How many values are held, besides texts. */
export const held = () => inUse() - numbers.size - 1

/** Keeps a value under a new number. `size` is how many letters or bytes it has, where that is much. */
export function keep(value, size = 0) {
  const number = free.length > 0 ? free.pop() : values.length
  values[number] = value
  kept += size
  return number
}

/** The number of a text. */
export function word(text) {
  let number = numbers.get(text)
  if (number === undefined) {
    number = keep(text)
    shared[number] = true
    numbers.set(text, number)
  }
  return number
}

/** The text that came last in each of an event's places: most times it comes again. */
const last = [NaN, NaN, NaN]
const lastNumber = [0, 0, 0]

export function again(place, value) {
  if (value !== last[place]) {
    lastNumber[place] = text(value)
    last[place] = value
  }
  return lastNumber[place]
}

/** Says of a number that a client holds it. */
export function hold(number) {
  named[number] = 1
}

/**
 * Lets go of what no client holds, where much was kept since that was done, or `now`. `nameAll` has all clients
 * say what they hold, or gives false where that can't be said. To be called where no number is on its way.
 */
export function sweep(nameAll, now) {
  if (!now && inUse() < sweepAt && kept < MUCH) return
  named = new Uint8Array(values.length)
  for (const number of constants.values()) hold(number)
  if (!nameAll()) return
  last.fill(NaN)
  free = []
  for (let number = values.length - 1; number > 0; number--) {
    if (named[number]) continue
    if (shared[number]) numbers.delete(values[number])
    shared[number] = false
    values[number] = quoted[number] = undefined
    free.push(number)
  }
  sweepAt = Math.max(FEW, inUse() * 2)
  kept = 0
}

/** The value of a number. */
export const take = (number) => values[number]

/** The same of one that no client holds, and nobody asks for again. */
export function takeOut(number) {
  const value = values[number]
  if (number > 0) {
    values[number] = undefined
    free.push(number)
  }
  return value
}

const some = (value) => (value === undefined || value === null ? 0 : keep(value))
const text = (value) => (typeof value === 'string' ? word(value) : 0)
const own = (value, key) => (typeof value === 'object' && value !== null && Object.hasOwn(value, key) ? value[key] : undefined)

/** A text of the WebAssembly's own. */
export function constant(at, length) {
  const place = at * 65_536 + length
  let number = constants.get(place)
  if (number === undefined) {
    number = word(new TextDecoder().decode(new Uint8Array(memory.buffer, at, length)))
    constants.set(place, number)
  }
  return number
}

export const field = (value, at, length) => some(own(values[value], values[constant(at, length)]))
export const item = (value, index) => {
  const array = values[value]
  return Array.isArray(array) && index < array.length ? keep(array[index]) : 0
}
export const errorBody = (code, message) => keep({ code: values[code], message: values[message] })
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
export const isCode = (number) => (/^[A-Z_]+$/.test(values[number]) ? 1 : 0)

// The frame that came.

let frame = ''
/** Its JSON, where somebody read that, and where it begins. */
let parsed
let parsedAt

/** Lays the frame ready that WebAssembly is about to read. */
export function arrive(text) {
  frame = text
  parsedAt = 0
}

function parseAt(at) {
  parsed = JSON.parse(frame.slice(at))
  parsedAt = at
  return parsed
}

export function character(at) {
  const unit = frame.charCodeAt(at)
  return unit < 128 ? unit : unit > 127 ? 255 : 0
}

export function parse(at) {
  try {
    return keep(at === parsedAt ? parsed : parseAt(at), frame.length)
  } catch {
    return 0
  }
}

/** Reads the frame as an event of a room with nothing else to it, as nearly all are. Whether it is one, and fits its type. */
export function readRoomEvent(into) {
  try {
    if (!frame.startsWith('42[')) return false
    const [event, payload, meta] = parseAt(2)
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

/** With a number of few digits, and nothing between it and what it holds. */
const ANSWER = /^43\d{1,9}\[/

/** Reads the frame as an answer that says `ok` with nothing else to it. Its number, and that of what it holds; nothing where it is none. */
export function readAnswer() {
  try {
    if (!ANSWER.test(frame)) return undefined
    const at = frame.indexOf('[')
    const [answer] = parseAt(at)
    return answer.ok === true ? [+frame.slice(2, at), some(answer.data)] : undefined
  } catch {
    return undefined
  }
}

// Values that are needed together: binary ones that came, or who is in a room.

let gathered = []

export function gather(value) {
  gathered.push(values[value])
}

/** Takes them. */
export function takeGathered() {
  const those = gathered
  gathered = []
  return those
}

// Binary values, which travel beside their frame.

export const attachmentsOf = (message) => values[message].attachments.length

export function withAttachments(value) {
  const attachments = takeGathered()
  try {
    return keep(filled(values[value], attachments))
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

let letters = ''
const NONE = []
let follow = NONE

export function writeAscii(at, length) {
  letters += values[constant(at, length)]
}

export function writeNumber(at, length, number) {
  letters += values[constant(at, length)] + number
}

export function writeQuoted(at, length, text) {
  letters += values[constant(at, length)] + (shared[text] ? (quoted[text] ??= JSON.stringify(values[text])) : JSON.stringify(values[text]))
}

export function writePayload(at, length, payload) {
  letters += values[constant(at, length)] + values[payload].text
  follow = values[payload].attachments
}

/** What was written, with these letters at its end, and the binary ones that follow it. */
export function written(at, length) {
  const message = keep({ text: letters + values[constant(at, length)], attachments: follow })
  letters = ''
  follow = NONE
  return message
}

// The options of the client that is made next.

let options

export function layOptions(numbers) {
  options = numbers
}

export const option = (place) => options[place]

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
