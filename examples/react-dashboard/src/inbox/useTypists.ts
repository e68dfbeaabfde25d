import { useEvent } from 'samewire/react'
import { useEffect, useState } from 'react'

/** Milliseconds after which somebody doesn't type any more of whom it wasn't said again (wire.md, section 11). */
const LASTS = 5_000

const NONE: ReadonlySet<string> = new Set()

/**
 * The conversations in which somebody types. It is told by who brings a platform's messages: `typing:start` and
 * `typing:stop`, published to the user's room.
 */
export function useTypists(): ReadonlySet<string> {
  const [typed, setTyped] = useState(NONE)
  const [ends] = useState(() => new Map<string, ReturnType<typeof setTimeout>>())

  const stop = (conversationId: string) => {
    clearTimeout(ends.get(conversationId))
    if (ends.delete(conversationId)) setTyped(new Set(ends.keys()))
  }
  useEvent('typing:start', ({ conversationId }) => {
    clearTimeout(ends.get(conversationId))
    ends.set(conversationId, setTimeout(stop, LASTS, conversationId))
    setTyped(new Set(ends.keys()))
  })
  useEvent('typing:stop', ({ conversationId }) => stop(conversationId))
  // What was typed has come.
  useEvent('new_message', ({ message }) => stop(message.conversationId))
  useEffect(() => () => ends.forEach((end) => clearTimeout(end)), [ends])
  return typed
}
