// What is cheaper, or only possible, on JavaScript's side of the border.

/** Reads the JSON that begins at an offset; nothing where it is none. */
export function parse(text, at) {
  try {
    return JSON.parse(at === 0 ? text : text.slice(at))
  } catch {
    return undefined
  }
}

/** A field of an object, an item of an array. What an object inherits is none of its fields. */
export function field(value, key) {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined
  return value[key] ?? undefined
}

/**
 * Texts that come again and again, such as the names of events and rooms, by number: so that they
 * cross the border once.
 */
const texts = []
const numbers = new Map()

/** More different ones than a page has; beyond them a text crosses each time. */
const MAX_TEXTS = 2_000

const UNKNOWN = 0xffff_ffff

function number(text) {
  if (typeof text !== 'string') return UNKNOWN
  const known = numbers.get(text)
  if (known !== undefined || texts.length === MAX_TEXTS) return known ?? UNKNOWN
  numbers.set(text, texts.length)
  return texts.push(text) - 1
}

/** The text of a number. */
export function knownText(number) {
  return texts[number]
}

/** The number of an item of an event's arguments, where it is a text. */
export function nameNumber(args) {
  return Array.isArray(args) ? number(args[0]) : UNKNOWN
}

/** The same for the room that an event is of, and for the epoch of its log. */
export function roomNumber(args) {
  return number(args[2]?.room)
}

export function epochNumber(args) {
  return number(args[2]?.epoch)
}

/** The offset of an event in its room's log. */
export function offset(args) {
  return args[2]?.offset
}

/** Checks a value, where there is a check of that name: nothing where it fits. */
export function check(table, name, value) {
  return table?.[name]?.(value)
}

/** Puts attachments in the place of their placeholders; nothing where one isn't there. */
export function withAttachments(value, attachments) {
  try {
    return fill(value, attachments)
  } catch {
    return undefined
  }
}

function fill(value, attachments) {
  if (typeof value !== 'object' || value === null) return value
  if (value._placeholder === true) {
    // By a number alone: an array has other properties of its own.
    if (typeof value.num !== 'number' || !Object.hasOwn(attachments, value.num)) throw new RangeError('no such attachment')
    return attachments[value.num]
  }
  for (const key of Object.keys(value)) value[key] = fill(value[key], attachments)
  return value
}

/** Sends a frame whose payload is a text of its own, so that it is never copied out of JavaScript. */
export function send(socket, before, json, after) {
  socket.send(before + json + after)
}
