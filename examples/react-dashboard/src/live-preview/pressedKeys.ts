import type { LiveEvent } from 'samewire/react'

/** A key that went down, as it is written on it. */
export interface PressedKey {
  key: string
  /** The event's place among all that arrived. */
  index: number
}

const KEYS_SHOWN = 14

/** Keys that are held to change others. */
const MODIFIERS = ['Shift', 'Control', 'Alt', 'AltGraph', 'Meta', 'CapsLock']

const SIGNS: Record<string, string> = {
  ' ': '␣',
  Backspace: '⌫',
  Enter: '⏎',
  Tab: '⇥',
  ArrowLeft: '←',
  ArrowRight: '→',
  ArrowUp: '↑',
  ArrowDown: '↓',
}

/** The last keys that went down, oldest first. */
export function pressedKeys(events: readonly Pick<LiveEvent, 'event' | 'index'>[]): PressedKey[] {
  return events
    .filter(({ event }) => event.eventType === 'keydown')
    .map(({ event, index }) => ({ key: nameOf(event), index }))
    .filter(({ key }) => !MODIFIERS.includes(key))
    .slice(-KEYS_SHOWN)
}

function nameOf({ keyChar, key, private: hidden }: LiveEvent['event']): string {
  const name = keyChar ?? key
  if (typeof name !== 'string') return hidden ? '•' : '?'
  return SIGNS[name] ?? name
}
