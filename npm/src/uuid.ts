/** A random UUID. `crypto.randomUUID` is there in secure contexts alone. */
export function uuid(): string {
  if (typeof crypto.randomUUID === 'function') return crypto.randomUUID()
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  bytes[6] = (bytes[6]! & 0x0f) | 0x40
  bytes[8] = (bytes[8]! & 0x3f) | 0x80
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}

/**
 * Makes UUIDs that end in the number they are given, and are random up to there (version 8 of RFC 9562): to
 * draw each anew takes as long as the rest of an emit.
 */
export function numberedUuids(): (number: number) => string {
  const [a, b, c, d, e] = Array.from(crypto.getRandomValues(new Uint16Array(5)), (part) => part.toString(16).padStart(4, '0'))
  const begin = `${a}${b}-${c}-8${d!.slice(1)}-8${e!.slice(1)}-`
  return (number) => begin + number.toString(16).padStart(12, '0')
}
