import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { openPollingSocket, type PollingSocket } from '../src/pollingSocket.js'

/** A request that the test answers when it wants to. */
interface Asked {
  url: URL
  init: RequestInit
  answer(body: string, status?: number): void
}

let asked: Asked[]
let socket: PollingSocket
let received: (string | ArrayBuffer)[]
const lost = vi.fn()
const rested = vi.fn()

const OPEN = '0{"sid":"s","maxPayload":20,"upgrades":["websocket"]}'

/** Lets everything happen that is under way. */
const settle = () => new Promise((resolve) => setImmediate(resolve))

const posts = () => asked.filter(({ init }) => init.method === 'POST')
const polls = () => asked.filter(({ init }) => init.method === undefined)

async function answer(request: Asked | undefined, body: string, status?: number): Promise<void> {
  request!.answer(body, status)
  await settle()
}

beforeEach(() => {
  asked = []
  received = []
  vi.stubGlobal('fetch', (url: string, init: RequestInit) => {
    return new Promise<Response>((resolve, reject) => {
      init.signal?.addEventListener('abort', () => reject(new Error('aborted')))
      asked.push({ url: new URL(url), init, answer: (body, status = 200) => resolve(new Response(body, { status })) })
    })
  })
  socket = openPollingSocket('http://localhost/socket.io/?EIO=4&transport=polling')
  socket.onmessage = ({ data }) => received.push(data)
  socket.onclose = lost
  socket.onpause = rested
})

afterEach(() => {
  vi.unstubAllGlobals()
  vi.resetAllMocks()
})

it('polls one request at a time, in the session that it was given', async () => {
  await answer(polls()[0], OPEN)
  expect(polls().map(({ url }) => url.searchParams.get('sid'))).toEqual([null, 's'])
  await answer(polls()[1], '40{"sid":"x"}\x1e42["ö"]')
  expect(received).toEqual([OPEN, '40{"sid":"x"}', '42["ö"]'])
  expect(polls()).toHaveLength(3)
})

it('names each request anew, so that one which the browser repeats is known', async () => {
  await answer(polls()[0], OPEN)
  socket.send('one')
  await settle()
  await answer(polls()[1], '6')
  const names = asked.map(({ url }) => url.searchParams.get('t'))
  expect(names).toEqual(['0', '1', '2', '3'])
})

it('takes an empty answer for none', async () => {
  await answer(polls()[0], OPEN)
  await answer(polls()[1], '')
  expect(received).toEqual([OPEN])
  expect(polls()).toHaveLength(3)
})

it('sends together what is sent together, one request at a time, and no more than the server takes', async () => {
  await answer(polls()[0], OPEN)
  for (const frame of ['42["a"]', '42["ö"]', '42["c"]', `42["${'d'.repeat(30)}"]`, '42["e"]']) socket.send(frame)
  await settle()
  expect(posts().map(({ init }) => init.body)).toEqual(['42["a"]\x1e42["ö"]'])
  socket.send('42["f"]')
  for (const at of [0, 1, 2, 3]) await answer(posts()[at], 'ok')
  expect(posts().map(({ init }) => init.body)).toEqual(['42["a"]\x1e42["ö"]', '42["c"]', `42["${'d'.repeat(30)}"]`, '42["e"]\x1e42["f"]'])
})

it('carries binary values both ways', async () => {
  await answer(polls()[0], OPEN)
  socket.send(new Uint8Array([0, 1, 2, 255]).subarray(1))
  await settle()
  expect(posts()[0]!.init.body).toBe('bAQL/')
  await answer(polls()[1], 'bAQL/')
  expect(new Uint8Array(received[1] as ArrayBuffer)).toEqual(new Uint8Array([1, 2, 255]))
})

it('rests once everything is sent and what is under way has come', async () => {
  await answer(polls()[0], OPEN)
  socket.send('3')
  socket.pause()
  await settle()
  await answer(polls()[1], '42["late"]\x1e6')
  expect(rested).not.toHaveBeenCalled()
  await answer(posts()[0], 'ok')
  expect(received).toEqual([OPEN, '42["late"]', '6'])
  expect(rested).toHaveBeenCalledTimes(1)
  socket.close()
  await settle()
  expect([polls().length, posts().length]).toEqual([2, 1])
})

it('ends its session when it is closed, after what was sent before', async () => {
  await answer(polls()[0], OPEN)
  socket.send('41')
  socket.close()
  socket.close()
  await settle()
  expect(polls()[1]!.init.signal?.aborted).toBe(true)
  expect(posts().map(({ init }) => [init.body, init.keepalive])).toEqual([['41\x1e1', true]])
  expect(lost).not.toHaveBeenCalled()
})

it('asks nothing more when it is closed before it began', async () => {
  socket.close()
  await settle()
  expect(asked).toHaveLength(1)
  expect(lost).not.toHaveBeenCalled()
})

it('is lost once when a request is refused', async () => {
  await answer(polls()[0], OPEN)
  socket.send('3')
  await settle()
  await answer(posts()[0], 'no such session', 400)
  expect(lost).toHaveBeenCalledTimes(1)
  await answer(polls()[1], '2')
  expect(received).toEqual([OPEN])
  expect(lost).toHaveBeenCalledTimes(1)
})
