/** Payloads as they travel: JSON, and the binary values that placeholders in it stand for. */

import type { Encoded } from './engine.js'
import { SamewireError } from './error.js'

const NONE: ArrayBuffer[] = []

/** Writes a payload. Where it changes later, what was written stays. */
export function encode(payload: unknown): Encoded {
  try {
    if (!holdsBinary(payload)) return { text: JSON.stringify(payload) ?? 'null', attachments: NONE }
    const attachments: ArrayBuffer[] = []
    return { text: JSON.stringify(detach(payload, attachments)), attachments }
  } catch (error) {
    throw new SamewireError('INVALID_PAYLOAD', error instanceof Error ? error.message : String(error))
  }
}

function holdsBinary(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  if (isBinary(value)) return true
  if (Array.isArray(value)) return value.some(holdsBinary)
  // Every emit goes through here: an array of the values would cost more than the walk.
  for (const name in value) if (holdsBinary(value[name as keyof typeof value])) return true
  return false
}

function detach(value: unknown, attachments: ArrayBuffer[]): unknown {
  if (isBinary(value)) return { _placeholder: true, num: attachments.push(copy(value)) - 1 }
  if (Array.isArray(value)) return value.map((item) => detach(item, attachments))
  if (typeof value !== 'object' || value === null || 'toJSON' in value) return value
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, detach(field, attachments)]))
}

function isBinary(value: unknown): value is ArrayBuffer | ArrayBufferView {
  return value instanceof ArrayBuffer || ArrayBuffer.isView(value)
}

function copy(value: ArrayBuffer | ArrayBufferView): ArrayBuffer {
  return ArrayBuffer.isView(value) ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength).slice().buffer : value.slice(0)
}
