import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { track, type Tracker } from './tracker'

const project = { id: 'p1', ingestKey: 'key' }

/** Answers as the server does, and keeps what it was asked. */
function fakeServer() {
  const requests: { path: string; body: { events?: { eventType: string }[] }; key: string | null }[] = []
  let failures = 0
  let sessions = 0
  let ended: string | undefined
  vi.stubGlobal('fetch', async (path: string, { body, headers }: RequestInit) => {
    if (failures > 0) {
      failures -= 1
      throw new TypeError('Failed to fetch')
    }
    const key = new Headers(headers).get('x-ingest-key')
    requests.push({ path, body: JSON.parse(String(body ?? '{}')), key })
    if (ended && path.includes(ended)) return new Response('', { status: 409 })
    if (path.endsWith('/sessions')) sessions += 1
    return Response.json({ sessionId: `s${sessions}` })
  })
  return {
    requests,
    paths: () => requests.map(({ path }) => path),
    events: () => requests.flatMap(({ body }) => body.events ?? []),
    failNext: (count: number) => (failures = count),
    endSession: (id: string) => (ended = id),
  }
}

let server: ReturnType<typeof fakeServer>
let form: HTMLFormElement
let tracker: Tracker

beforeEach(() => {
  server = fakeServer()
  document.body.innerHTML = `<form>
    <label for="name">Name</label><input id="name" name="name" />
    <label for="secret">Password</label><input id="secret" name="secret" type="password" />
    <input id="nameless" />
  </form>`
  form = document.querySelector('form')!
  tracker = track(form, { project, visitor: 'visitor-1' })
})

afterEach(() => {
  tracker.stop()
  vi.unstubAllGlobals()
  vi.useRealTimers()
})

function type(id: string, text: string) {
  const input = document.getElementById(id) as HTMLInputElement
  for (const key of text) {
    input.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }))
    input.value += key
    input.dispatchEvent(new InputEvent('input', { bubbles: true }))
    input.dispatchEvent(new KeyboardEvent('keyup', { key, bubbles: true }))
  }
}

test('a visit begins with the first thing done, and is told in order', async () => {
  expect(server.requests).toEqual([])
  type('name', 'Ada')
  await tracker.submit()

  expect(server.paths()[0]).toBe('api/projects/p1/sessions')
  expect(server.paths().at(-1)).toBe('api/sessions/s1/submit')
  expect(server.requests.every(({ key }) => key === 'key')).toBe(true)
  expect(server.events()).toHaveLength(9)
  expect(server.events().slice(0, 3)).toMatchObject([
    { eventType: 'keydown', field: 'name', label: 'Name', keyChar: 'A' },
    { eventType: 'input', field: 'name', value: 'A' },
    { eventType: 'keyup', field: 'name', keyChar: 'A' },
  ])
})

test('requests are small enough for all of their events to be broadcast', async () => {
  type('name', 'a long name')
  await tracker.submit()
  const sizes = server.requests.map(({ body }) => body.events?.length ?? 0)
  expect(Math.max(...sizes)).toBe(10)
  expect(server.events()).toHaveLength(33)
})

test('a password never leaves the page', async () => {
  type('secret', 'pw')
  await tracker.submit()
  expect(server.events()).toMatchObject([
    { eventType: 'keydown', private: true },
    { eventType: 'input', value: '•' },
    { eventType: 'keyup' },
    { eventType: 'keydown' },
    { eventType: 'input', value: '••' },
    { eventType: 'keyup' },
  ])
  expect(JSON.stringify(server.requests)).not.toMatch(/keyChar|pw/)
})

test('while the server is away nothing is lost, doubled or out of order', async () => {
  vi.useFakeTimers()
  server.failNext(6)
  type('name', 'Ada')
  const submitted = tracker.submit()
  await vi.runAllTimersAsync()
  await submitted
  const typed = server.events() as { eventType: string; value?: string }[]
  expect(typed.filter((event) => event.eventType === 'input').map((event) => event.value)).toEqual(['A', 'Ad', 'Ada'])
  expect(server.paths().at(-1)).toBe('api/sessions/s1/submit')
})

test('who comes back after the visit was ended begins another', async () => {
  type('name', 'A')
  await vi.waitFor(() => expect(server.events()).toHaveLength(3), { timeout: 30_000 })
  server.endSession('s1')
  type('name', 'd')
  await tracker.submit()
  expect(server.paths().at(-1)).toBe('api/sessions/s2/submit')
})

test('what only ends something begins no visit', () => {
  document.getElementById('name')!.dispatchEvent(new FocusEvent('focusout', { bubbles: true }))
  expect(server.requests).toEqual([])
})

test('leaving the page ends the visit', async () => {
  type('name', 'A')
  await vi.waitFor(() => expect(server.events()).toHaveLength(3), { timeout: 30_000 })
  dispatchEvent(new Event('pagehide'))
  expect(server.paths().at(-1)).toBe('api/sessions/s1/end')
})

test('what belongs to no named field is nobody’s business', () => {
  type('nameless', 'x')
  expect(server.requests).toEqual([])
})
