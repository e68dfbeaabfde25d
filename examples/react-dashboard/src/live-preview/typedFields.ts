/** The part of a tracker's event that this page understands; the protocol keeps any other as well. */
export interface TrackedEvent {
  eventType: string
  timestamp: string
  keyChar?: string | null
  [further: string]: unknown
}

/** A field of the tracked form, as it stands in the visitor's browser. */
export interface TypedField {
  name: string
  label: string
  value: string | boolean
  focused: boolean
}

/** Controls that nothing is typed into. */
const BUTTONS: unknown[] = ['submit', 'button', 'reset']

/**
 * What the visitor sees in the form, from what the tracker told.
 *
 * A tracker that reports inputs gives a field's whole value each time, so who begins to watch in
 * the middle is right from the next key on. From one that reports keys alone, the text is put
 * together key by key.
 */
export function typedFields(events: readonly TrackedEvent[]): TypedField[] {
  const reportsInputs = events.some(({ eventType, value }) => eventType === 'input' && value !== undefined)
  const fields = new Map<string, TypedField>()
  for (const event of events) {
    const name = text(event.field) ?? ''
    // Nothing is typed into a button, and keys of no field say nothing that inputs don't.
    const irrelevant = BUTTONS.includes(event.control) || (name === '' && reportsInputs)
    const before = irrelevant ? undefined : (fields.get(name) ?? blank(name, event))
    const after = before && change(before, event, reportsInputs)
    // Only one field can have the focus, and none has it while a button does.
    if (event.eventType === 'focus' || after?.focused) blurAll(fields)
    if (after) fields.set(name, after)
  }
  return [...fields.values()].filter(({ name, value }) => name !== '' || value !== '')
}

function blank(name: string, { label }: TrackedEvent): TypedField {
  return { name, label: text(label) ?? name, value: '', focused: false }
}

function blurAll(fields: Map<string, TypedField>): void {
  for (const [name, field] of fields) fields.set(name, { ...field, focused: false })
}

function change(field: TypedField, event: TrackedEvent, reportsInputs: boolean): TypedField {
  switch (event.eventType) {
    case 'focus':
      return { ...field, focused: true }
    case 'blur':
      return { ...field, focused: false }
    case 'input':
      return { ...field, focused: true, value: typeof event.value === 'boolean' ? event.value : (text(event.value) ?? field.value) }
    case 'keydown':
      return { ...field, focused: true, value: reportsInputs ? field.value : typeKey(String(field.value), event) }
    default:
      return field
  }
}

function typeKey(value: string, { keyChar, key }: TrackedEvent): string {
  if (keyChar) return value + keyChar
  return key === 'Backspace' ? [...value].slice(0, -1).join('') : value
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}
