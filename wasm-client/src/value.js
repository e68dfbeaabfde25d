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
    if (!Object.hasOwn(attachments, value.num)) throw new RangeError('no such attachment')
    return attachments[value.num]
  }
  for (const key of Object.keys(value)) value[key] = fill(value[key], attachments)
  return value
}

/** Sends a frame whose payload is a text of its own, so that it is never copied out of JavaScript. */
export function send(socket, before, json, after) {
  socket.send(before + json + after)
}
