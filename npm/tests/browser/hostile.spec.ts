// Whatever comes: no trap, an error is told, what is lost is begun anew, and the page stays usable.

import type { Page } from '@playwright/test'
import type { ClientOptions } from '../../src/types.js'
import { Chance, printSeed, SEED } from './chance.js'
import { expect, test as base } from './fixtures.js'
import { HostileServer, type Frame } from './HostileServer.js'

const MEGABYTES = 5_000_000
/** Milliseconds that the client waits for a connection, and for an answer: many times what they take, few enough where none comes. */
const PATIENCE = 2_000

interface Client {
  /** Waits until it is connected by a server that behaves, and events go both ways. */
  works(): Promise<void>
  /** How often an error was told by now. */
  faults(): Promise<number>
  status(): Promise<string>
}

const test = base.extend<{ hostile: HostileServer }>({
  hostile: async ({}, use) => {
    const server = await HostileServer.start()
    await use(server)
    await server.close()
  },
})

/** A client in the page, which comes back fast. */
async function begin(page: Page, server: HostileServer, options: Omit<ClientOptions, 'fetch'> = {}): Promise<Client> {
  await page.evaluate(
    ({ url, timeout, options }) => {
      const client = (window.client = window.createClient(url, { token: 'jwt', timeout, reconnectionDelay: 5, reconnectionDelayMax: 20, ...options }))
      window.faults = 0
      window.heard = []
      client.on('protocol-error', () => (window.faults += 1))
      client.on('mark' as 'pong', (payload) => window.heard.push(payload))
    },
    { url: server.url, timeout: PATIENCE, options: { transports: ['websocket'] as const, ...options } as typeof options },
  )
  let mark = 0
  const status = () => page.evaluate(() => window.client.state.status)
  return {
    status,
    faults: () => page.evaluate(() => window.faults),
    works: async () => {
      server.behave()
      mark += 1
      // What was sent before may still end a connection or two.
      await expect(async () => {
        // Where the server said that it is over, only the application begins anew.
        if ((await status()) === 'closed') await page.evaluate(() => window.client.connect())
        await expect.poll(status, { intervals: [10, 20, 50] }).toMatch(/connected|closed/)
        server.event('mark', mark)
        expect(await page.evaluate(() => window.heard.at(-1))).toBe(mark)
        const ask = ({ mark, timeout }: { mark: number; timeout: number }) => window.client.emit('ask' as 'ping', { mark } as never, { timeout })
        expect(await page.evaluate(ask, { mark, timeout: PATIENCE })).toEqual({ mark })
      }).toPass({ timeout: 120_000, intervals: [10, 20, 50, 100] })
    },
  }
}

declare global {
  interface Window {
    faults: number
    heard: unknown[]
  }
}

/** What is told, and leaves the connection as it is: what follows can still be read. */
const TOLD: Record<string, Frame> = {
  nothing: '',
  'half a packet': '4',
  'half an event': '42["mark",{"to":[1,',
  'an unknown frame': '9["mark"]',
  'an unknown packet': '49["mark"]',
  'a frame of another protocol': '{"jsonrpc":"2.0","method":"mark"}',
  'an event without a name': '42[]',
  'an event of another namespace': '42/admin,["mark",1]',
  'an answer without a number': '43[1]',
  'attachments beyond all reason': '45999999999-["mark"]',
  'a payload that does not fit its type': '42["session-started",{"sessionId":7}]',
  '5 MB of nothing': 'x'.repeat(MEGABYTES),
  '5 MB of half an event': `42["mark","${'x'.repeat(MEGABYTES)}`,
  '5 MB of brackets': `42["mark",${'['.repeat(MEGABYTES)}`,
  '5 MB that do not fit their type': `42["session-started",{"sessionId":7,"more":"${'x'.repeat(MEGABYTES)}"}]`,
}

/** After these nobody knows what belongs to what: it is told, and another connection made. */
const LOST: Record<string, Frame[]> = {
  'a binary value where a text is expected': [Buffer.from([1, 2, 3])],
  '5 MB of binary where a text is expected': [Buffer.alloc(MEGABYTES)],
  'a text where a binary value is expected': ['451-["mark",{"_placeholder":true,"num":0}]', '42["mark",1]'],
  'a spoilt text where a binary value is expected': ['451-["mark",{"_placeholder":true,"num":0}]', '4'],
  'more binary values than were said': ['451-["mark",{"_placeholder":true,"num":0}]', Buffer.from([1]), Buffer.from([2])],
}

/** What ends the connection without more words: the browser saw it, or the server said so. */
const ENDED: Record<string, (server: HostileServer) => void> = {
  'a text that is no UTF-8': (server) => server.sendRaw(Buffer.from([0x81, 0x03, 0x34, 0xff, 0xfe])),
  'a frame that no websocket has': (server) => server.sendRaw(Buffer.from([0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff])),
  'random bytes for a frame': (server) => server.sendRaw(Buffer.concat([Buffer.from([0x83]), new Chance(SEED).bytes(10_000)])),
  'a close of Engine.IO': (server) => server.send('1'),
  'a DISCONNECT': (server) => server.send('41'),
  'a refusal in the middle': (server) => server.send('44{"message":"UNAVAILABLE: not now"}'),
}

/** What is passed over: it is nobody's, or was said before. */
const PASSED_OVER: Record<string, Frame> = {
  'an answer to nothing': '4399[1]',
  'a second handshake': '0{"sid":"other","pingInterval":1,"pingTimeout":1}',
  'being let in twice': '40{"sid":"y"}',
  'a pong that was not asked for': '3probe',
  'a noop': '6',
  'an unknown event': '42["__proto__",{"__proto__":{"polluted":true}}]',
  '5 MB of an unknown event': `42["unknown","${'x'.repeat(MEGABYTES)}"]`,
  'a place in no log': '42["unknown",1,{"room":{},"epoch":null,"offset":-1e308}]',
}

/** In the place of Engine.IO's handshake. */
const HANDSHAKES: Record<string, Frame> = {
  nothing: '',
  'half of one': '0{"sid":',
  'none of JSON': '0<html>',
  'numbers beyond all reason': '0{"sid":"s","pingInterval":1e308,"pingTimeout":-1,"upgrades":{"length":1e9}}',
  'an event': '42["mark",1]',
  'a binary value': Buffer.alloc(64),
  'another protocol': 'HTTP/1.1 200 OK',
}

/** In the place of being let in. */
const WELCOMES: Record<string, Frame[]> = {
  'half of CONNECT': ['4'],
  'a session that is none': ['40{"sid":"x"}', '42["authenticated",{"userId":{}}]'],
  'rooms that are none': ['40{"sid":"x"}', '42["resumed",{"rooms":{"length":-1}}]', '42["resumed",null]', '42["presence:state",{"users":7}]'],
  'a refusal without words': ['44'],
  'a refusal that is none': ['44{"message":{"toString":1}}'],
  'a binary value': [Buffer.from([0])],
  'nothing at all': [],
}

test('spoilt frames are told of, and the connection stays', async ({ page, hostile }) => {
  const client = await begin(page, hostile)
  await client.works()
  const { connections } = hostile
  for (const [name, frame] of Object.entries(TOLD)) {
    const before = await client.faults()
    hostile.send(frame)
    await expect.poll(client.faults, name).toBe(before + 1)
    await client.works()
  }
  for (const [name, frame] of Object.entries(PASSED_OVER)) {
    const before = await client.faults()
    hostile.send(frame)
    await client.works()
    expect(await client.faults(), name).toBe(before)
  }
  expect(hostile.connections).toBe(connections)
  expect(await page.evaluate(() => 'polluted' in {})).toBe(false)
})

test('where the thread is lost it is told, and another connection is made', async ({ page, hostile }) => {
  const client = await begin(page, hostile)
  await client.works()
  for (const [name, frames] of Object.entries(LOST)) {
    const [faults, connections] = [await client.faults(), hostile.connections]
    for (const frame of frames) hostile.send(frame)
    await expect.poll(() => hostile.connections, name).toBeGreaterThan(connections)
    await client.works()
    expect(await client.faults(), name).toBeGreaterThan(faults)
  }
})

test('connections that end in disorder are made again', async ({ page, hostile }) => {
  const client = await begin(page, hostile)
  await client.works()
  for (const [name, end] of Object.entries(ENDED)) {
    const connections = hostile.connections
    end(hostile)
    await expect.poll(async () => hostile.connections > connections || (await client.status()) === 'closed', name).toBe(true)
    await client.works()
    expect(hostile.connections, name).toBeGreaterThan(connections)
  }
})

test('spoilt handshakes are tried again until there is a good one', async ({ page, hostile }) => {
  hostile.handshake = ''
  const client = await begin(page, hostile)
  const tries: [string, () => void][] = [
    ...Object.entries(HANDSHAKES).map(([name, frame]): [string, () => void] => [name, () => (hostile.handshake = frame)]),
    ...Object.entries(WELCOMES).map(([name, frames]): [string, () => void] => [name, () => (hostile.welcome = frames)]),
  ]
  for (const [name, spoil] of tries) {
    const connections = hostile.connections
    await page.evaluate(() => window.client.disconnect())
    spoil()
    await page.evaluate(() => window.client.connect())
    await expect.poll(() => hostile.connections, name).toBeGreaterThan(connections)
    await client.works()
  }
})

test('spoilt answers to polls are no end either', async ({ page, hostile }) => {
  const chance = new Chance(SEED)
  const answers: Record<string, [number, Frame]> = {
    nothing: [200, ''],
    'a page': [200, '<!doctype html><title>Sign in to the network</title>'],
    'half a handshake': [200, '0{"sid":'],
    'a handshake that is none': [200, '0null'],
    'spoilt base64': [200, 'b!!!!'],
    'random bytes': [200, chance.bytes(10_000)],
    '5 MB of separators': [200, '\x1e'.repeat(MEGABYTES)],
    '5 MB of text': [200, 'x'.repeat(MEGABYTES)],
    'a failure': [500, 'no'],
    'a refusal': [403, '{"code":"ACCESS_DENIED"}'],
  }
  const client = await begin(page, hostile, { transports: ['polling'] })
  for (const [name, [status, body]] of Object.entries(answers)) {
    await client.works()
    // The poll that waits is answered, the next one spoilt.
    let spoilt = 0
    hostile.poll = (response) => {
      spoilt += 1
      response.writeHead(status, { 'access-control-allow-origin': '*' }).end(body)
    }
    hostile.event('unknown', 1)
    await expect.poll(() => spoilt, name).toBeGreaterThan(0)
  }
  await client.works()
})

test('thousands of random frames do no harm', async ({ page, hostile }) => {
  printSeed()
  const chance = new Chance(SEED)
  const client = await begin(page, hostile)
  for (let round = 0; round < 100; round += 1) {
    await client.works()
    for (let count = 0; count < 40; count += 1) hostile.send(randomFrame(chance))
  }
  await client.works()
  expect(await client.faults()).toBeGreaterThan(100)
})

const GOOD = [
  '42["mark",1]',
  '42["broadcast",{"room":"room:a","event":"e","data":1,"userId":"u","timestamp":"2026-01-01T00:00:00.000Z"},{"room":"room:a","epoch":"e","offset":7}]',
  '42["presence:state",{"room":"room:a","users":[{"userId":"u","status":"online","connections":1}]}]',
  '42["resumed",{"rooms":[{"room":"user:ada","position":{"epoch":"e","offset":1},"recovered":true,"missed":0}]}]',
  '42["server_shutdown",{"reason":"r","reconnectAfterMs":1}]',
  '42["error",{"code":"NOT_FOUND","message":"m","error":"m","timestamp":"2026-01-01T00:00:00.000Z","room":"room:a"}]',
  '430[{"ok":true,"data":{"room":"user:ada","position":{"epoch":"e","offset":1},"recovered":true,"missed":0,"users":[]}}]',
  '451-["mark",{"_placeholder":true,"num":0}]',
  '0{"sid":"s","pingInterval":25000,"pingTimeout":20000}',
  '40{"sid":"x"}',
]

/** A good frame that something happened to, or bytes that never were one. */
function randomFrame(chance: Chance): Frame {
  if (chance.happens(0.03)) return chance.bytes(chance.below(200))
  let frame = chance.pick(GOOD)
  for (let changes = chance.below(4); changes > 0; changes -= 1) {
    const at = chance.below(frame.length + 1)
    const sign = chance.happens(0.5) ? chance.pick([...'0123456789-[]{}",:/\\e']) : String.fromCharCode(chance.below(0xd800))
    const end = at + chance.below(chance.happens(0.1) ? frame.length : 3)
    frame = chance.happens(0.2) ? frame.slice(0, at) : frame.slice(0, at) + (chance.happens(0.5) ? sign : '') + frame.slice(end)
  }
  return frame
}
