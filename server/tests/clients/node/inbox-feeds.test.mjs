// Platforms without webhooks: their feeds are read, over and over, from where the last reading ended
// (operations.md, INBOX_POLL_FEEDS).
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { test } from 'node:test'
import { next, record, settled, signedIn, WAIT_MS } from './client.mjs'
import { startServer, whyNotStarted } from './server.mjs'
import { bring, inboxOf, message, messagesOf, WEBHOOK_SECRET } from './webhook.mjs'

const KEY = 'a-key-of-the-feed'

/**
 * A platform's feed, of as many messages a page as `pageLength` says. `asked` is every request: when it
 * came, with which cursor, and a promise that settles once it is `over`; `answer` stands in for what is
 * answered otherwise.
 */
async function feedOf(t, messages, { pageLength = 100 } = {}) {
  const feed = { messages, asked: [], answer: undefined }
  const http = createServer((request, response) => {
    const { searchParams } = new URL(request.url, 'http://feed')
    const over = new Promise((resolve) => response.on('close', resolve))
    feed.asked.push({ at: performance.now(), cursor: searchParams.get('cursor'), key: searchParams.get('key'), over })
    if (feed.answer) return feed.answer(response, request)
    const from = Number(searchParams.get('cursor') ?? 0)
    const page = feed.messages.slice(from, from + pageLength)
    response.end(JSON.stringify({ messages: page, cursor: String(from + page.length) }))
  })
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  t.after(() => {
    http.closeAllConnections()
    http.close()
  })
  feed.url = `http://127.0.0.1:${http.address().port}/messages?key=${KEY}`
  return feed
}

/** A server that reads feeds, given as `{ platform: feed }`. */
async function reading(t, feeds, { period = '20ms', ...options } = {}) {
  const list = Object.entries(feeds).map(([platform, { url }]) => `${platform}=${url}`).join(',')
  const env = { INBOX_POLL_FEEDS: list, INBOX_POLL_PERIOD: period, WEBHOOK_SECRET, RATE_LIMIT_MAX: '100000' }
  const server = await startServer({ ...options, env: { ...env, ...options.env } })
  t.after(() => server.stop())
  return server
}

/** Waits until something is so. */
async function until(isSo, what) {
  for (const end = Date.now() + WAIT_MS * 2; !(await isSo()); ) {
    assert.ok(Date.now() < end, `not in time: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

const numbered = (count, user = 'anna') =>
  Array.from({ length: count }, (_, n) => message(user, { externalMessageId: `m-${n}`, text: `${n}`, sentAt: new Date(1e12 + n).toISOString() }))

const texts = async (server, user = 'anna') => {
  const { conversations } = await inboxOf(server, user)
  const all = await Promise.all(conversations.map(({ id }) => messagesOf(server, user, id)))
  return all.flat().map(({ text }) => text).reverse()
}

test('a feed\'s messages are taken in and told as a webhook\'s are', async (t) => {
  const feed = await feedOf(t, [])
  const server = await reading(t, { fax: feed })
  const socket = await signedIn(t, server, 'anna')
  const seen = record(socket)
  await bring(server, 'fax', message('anna', { externalMessageId: 'm-0', text: '0' }))
  const told = next(socket, 'unread_count_update', ({ totalUnread }) => totalUnread === 3)
  // The first came by a webhook before; the platform brings it again.
  feed.messages = numbered(3)
  await told
  await settled(socket)
  const events = seen.filter(([, , meta]) => meta?.room === 'user:anna')
  assert.deepEqual(events.map(([name]) => name), Array(3).fill(['new_message', 'conversation_update', 'unread_count_update']).flat())
  const { message: stored } = events[8 - 2][1]
  assert.deepEqual(stored, {
    id: stored.id, conversationId: stored.conversationId, platform: 'fax', externalMessageId: 'm-2',
    sender: { id: '4915112345678', name: 'Carla Ruiz' }, text: '2', sentAt: new Date(1e12 + 2).toISOString(),
  })
  assert.deepEqual((await inboxOf(server, 'anna')).unreadCounts, { fax: 3 })
  assert.ok(feed.asked.every(({ key }) => key === KEY), 'the address\'s own parameters stay')
})

test('a feed is read page after page without a pause, then from where that ended', async (t) => {
  const feed = await feedOf(t, numbered(95), { pageLength: 10 })
  const server = await reading(t, { fax: feed }, { period: '1h' })
  await until(() => feed.asked.length === 11, 'a page without messages')
  assert.deepEqual(feed.asked.map(({ cursor }) => cursor), [null, ...Array.from({ length: 9 }, (_, n) => String(10 * n + 10)), '95'])
  assert.deepEqual(await texts(server), numbered(95).map(({ text }) => text))
})

test('a server that is started again goes on where its reading ended', async (t) => {
  const feed = await feedOf(t, numbered(5))
  const first = await reading(t, { fax: feed })
  await until(async () => (await texts(first)).length === 5, 'five messages')
  await until(() => feed.asked.at(-1).cursor === '5', 'the cursor comes back')
  await first.end('SIGKILL')
  const before = feed.asked.length
  feed.messages = numbered(8)
  const second = await reading(t, { fax: feed }, { database: first.database })
  await until(async () => (await texts(second)).length === 8, 'eight messages')
  assert.equal(feed.asked[before].cursor, '5')
  assert.equal((await inboxOf(second, 'anna')).totalUnread, 8)
})

test('a message that doesn\'t fit is left out, and the others are taken in', async (t) => {
  let log = ''
  const [one, two] = numbered(2)
  const feed = await feedOf(t, [one, { ...two, sentAt: 'a-secret-thing' }, 'no message', { ...two, userId: '' }, two])
  const server = await reading(t, { fax: feed }, { env: { RUST_LOG: 'warn' }, log: (text) => (log += text) })
  await until(async () => (await texts(server)).length === 2, 'two messages')
  const leftOut = () => log.split('was left out').length - 1
  await until(() => leftOut() >= 3, 'word of those that are left out')
  assert.match(log, /sentAt: /)
  assert.ok(!log.includes('a-secret-thing'))
  // And not again.
  const asked = feed.asked.length
  await until(() => feed.asked.length > asked + 3, 'further requests')
  assert.equal(leftOut(), 3)
})

for (const [what, answer] of [
  ['fails', (response) => response.writeHead(500).end('no')],
  ['is cut off', (response) => response.writeHead(200, { 'content-length': 1000 }).write('{', () => response.destroy())],
  ['is no JSON', (response) => response.end('<html>')],
  ['is another JSON', (response) => response.end('{"messages":{}}')],
  ['is larger than 1 MB', (response) => response.end(JSON.stringify({ messages: [], more: 'x'.repeat(1_000_000) }))],
  ['has a cursor without end', (response) => response.end(JSON.stringify({ messages: [], cursor: 'x'.repeat(1025) }))],
  ['leads elsewhere', (response, request) => response.writeHead(302, { location: `${request.url}&elsewhere` }).end()],
]) {
  test(`a feed that ${what} is tried again, more and more rarely`, async (t) => {
    const feed = await feedOf(t, numbered(2))
    feed.answer = answer
    const server = await reading(t, { fax: feed }, { period: '40ms' })
    await until(() => feed.asked.length === 5, 'five requests')
    const pauses = feed.asked.slice(1).map(({ at }, n) => at - feed.asked[n].at)
    // At least half of 80, 160, 320 and 640 ms.
    for (const [n, pause] of pauses.entries()) assert.ok(pause > 35 * 2 ** n, `${pauses}`)
    assert.deepEqual(await texts(server), [])
    feed.answer = undefined
    await until(async () => (await texts(server)).length === 2, 'both messages once it is well again')
  })
}

test('a feed that says how long it is to be left alone is left alone for so long', async (t) => {
  const feed = await feedOf(t, numbered(1))
  const waits = [{ header: '1', ms: 1000 }, { header: () => new Date(Date.now() + 2500).toUTCString(), ms: 1000 }]
  const limited = []
  feed.answer = (response) => {
    const wait = waits.shift()
    if (wait === undefined) {
      feed.answer = undefined
      return response.writeHead(500).end()
    }
    limited.push({ ...wait, at: performance.now() })
    const value = typeof wait.header === 'function' ? wait.header() : wait.header
    response.writeHead(limited.length === 1 ? 429 : 503, { 'retry-after': value }).end()
  }
  const server = await reading(t, { fax: feed })
  await until(async () => (await texts(server)).length === 1, 'the message')
  for (const [n, { at, ms }] of limited.entries()) assert.ok(feed.asked[n + 1].at - at >= ms - 20, `${feed.asked[n + 1].at - at} ms`)
})

test('a feed that never answers is given up, never asked twice at once, and stops no other', async (t) => {
  const silent = await feedOf(t, [])
  silent.answer = () => {}
  const feed = await feedOf(t, numbered(3))
  const server = await reading(t, { fax: silent, pager: feed })
  await until(async () => (await texts(server)).length === 3, 'the other feed\'s messages')
  await until(() => silent.asked.length === 2, 'a second request')
  // There would be many by the time that the first is given up, if they didn't wait for that.
  await silent.asked[0].over
  assert.equal(silent.asked.length, 2)
  assert.deepEqual((await inboxOf(server, 'anna')).unreadCounts, { pager: 3 })
  // Nor does it keep the server from stopping.
  assert.deepEqual(await server.end('SIGTERM'), { code: 0, signal: null })
})

test('the address of a feed is shown to nobody', async (t) => {
  let log = ''
  const feed = await feedOf(t, numbered(1))
  feed.answer = (response) => response.writeHead(500).end()
  const server = await reading(t, { fax: feed }, { env: { RUST_LOG: 'trace' }, log: (text) => (log += text) })
  await until(() => feed.asked.length === 2, 'two requests')
  feed.answer = undefined
  await until(async () => (await texts(server)).length === 1, 'the message')
  await until(() => /a feed wasn't read/.test(log), 'word of it')
  assert.ok(!log.includes(KEY))
  for (const list of [`fax=ftp://feed.example/?key=${KEY}`, `fax=http://feed.example/?key=${KEY}`, KEY, `fax=https://a.example/?key=${KEY},fax=https://b.example/`]) {
    const { code, said } = await whyNotStarted({ INBOX_POLL_FEEDS: list })
    assert.notEqual(code, 0)
    assert.match(said, /INBOX_POLL_FEEDS must be a list of platform=address/)
    assert.ok(!said.includes(KEY), said)
  }
})
