import { expect, test } from 'vitest'
import { pressedKeys } from './pressedKeys'
import { typedFields } from './typedFields'

const timestamp = '2026-01-01T00:00:00.000Z'
const event = (eventType: string, further: Record<string, unknown> = {}) => ({ eventType, timestamp, ...further })
const name = { field: 'name', label: 'Your name', control: 'text' }

test('a field has the value of its last input, whatever was seen before', () => {
  expect(typedFields([event('focus', name), event('input', { ...name, value: 'Ad' }), event('input', { ...name, value: 'Ada' })])).toEqual([
    { name: 'name', label: 'Your name', value: 'Ada', focused: true },
  ])
})

test('keys are not counted twice where inputs are told', () => {
  const keys = [event('keydown', { ...name, keyChar: 'A' }), event('input', { ...name, value: 'A' })]
  expect(typedFields(keys)).toMatchObject([{ value: 'A' }])
})

test('from keys alone the text is put together', () => {
  const keys = [...'Adx'].map((keyChar) => event('keydown', { keyChar }))
  expect(typedFields([...keys, event('keydown', { key: 'Backspace' }), event('keydown', { keyChar: 'a' })])).toMatchObject([{ value: 'Ada' }])
})

test('one field at most has the focus, and none while a button has it', () => {
  const email = { field: 'email', control: 'email' }
  const fields = [event('focus', name), event('focus', email)]
  expect(typedFields(fields).map(({ focused }) => focused)).toEqual([false, true])
  const button = event('focus', { field: 'join', control: 'submit' })
  expect(typedFields([...fields, button]).map(({ focused }) => focused)).toEqual([false, false])
})

test('a box is ticked or not', () => {
  expect(typedFields([event('input', { field: 'decaf', control: 'checkbox', value: true })])).toMatchObject([{ value: true }])
})

test('the last keys are told by their signs, those of a password by none', () => {
  const events = [
    event('keydown', { key: 'Shift' }),
    event('keydown', { keyChar: 'A' }),
    event('keydown', { key: 'Backspace' }),
    event('keyup', { keyChar: 'A' }),
    event('keydown', { private: true }),
  ].map((event, index) => ({ event, index }))
  expect(pressedKeys(events).map(({ key }) => key)).toEqual(['A', '⌫', '•'])
})
