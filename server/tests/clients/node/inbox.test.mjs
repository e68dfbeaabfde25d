// The inbox: messages that platforms bring, what their user is told of them, and how far they got.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { call } from './api.mjs'
import { next, record, settled, signedIn } from './client.mjs'
import { startServer } from './server.mjs'
import { until } from './stories.mjs'
import { bring, inboxOf, message, messagesOf, sign, WEBHOOK_SECRET } from './webhook.mjs'

const EVENTS = ['new_message', 'conversation_update', 'unread_count_update', 'message_status_update']
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/

let server
before(async () => {
  server = await startServer({ env: { RATE_LIMIT_MAX: '100000', WEBHOOK_SECRET } })
})
after(() => server.stop())

/** A user whom no other test knows. */
const somebody = () => `user-${randomUUID()}`

const told = (seen) => seen.filter(([name]) => EVENTS.includes(name))
const post = (path, as) => call(server, 'POST', `/api/inbox/${path}`, { as })

describe('a webhook', () => {
  test('brings a message: stored, then told in order', async (t) => {
    const user = somebody()
    const socket = await signedIn(t, server, user)
    const seen = record(socket)
    const sent = message(user, { sender: { id: '49151', name: 'Carla' }, text: 'Hello', sentAt: '2026-11-21T08:38:47.123+01:00' })
    const { status, body } = await bring(server, 'whatsapp', sent)
    assert.equal(status, 202)
    assert.deepEqual(Object.keys(body).sort(), ['conversationId', 'duplicate', 'messageId'])
    assert.equal(body.duplicate, false)
    await settled(socket)

    const stored = {
      id: body.messageId,
      conversationId: body.conversationId,
      platform: 'whatsapp',
      externalMessageId: sent.externalMessageId,
      sender: { id: '49151', name: 'Carla' },
      text: 'Hello',
      sentAt: '2026-11-21T07:38:47.123Z',
    }
    const conversation = {
      id: body.conversationId,
      platform: 'whatsapp',
      externalConversationId: 'c-1',
      title: 'Carla',
      lastMessage: 'Hello',
      lastMessageAt: '2026-11-21T07:38:47.123Z',
      unreadCount: 1,
    }
    const events = told(seen)
    const { timestamp } = events[0][1]
    assert.match(timestamp, TIME)
    assert.deepEqual(events.map(([name, payload]) => [name, payload]), [
      ['new_message', { message: stored, conversation, timestamp }],
      ['conversation_update', { conversation, timestamp }],
      ['unread_count_update', { unreadCounts: { whatsapp: 1 }, totalUnread: 1, timestamp }],
    ])
    for (const [, , meta] of events) assert.equal(meta.room, `user:${user}`)

    assert.deepEqual(await inboxOf(server, user), {
      conversations: [conversation], unreadCounts: { whatsapp: 1 }, totalUnread: 1,
    })
    assert.deepEqual(await messagesOf(server, user, body.conversationId), [stored])
  })

  test('that brings a message twice brought it once', async (t) => {
    const user = somebody()
    const sent = message(user)
    const first = await bring(server, 'telegram', sent)
    const socket = await signedIn(t, server, user)
    const seen = record(socket)
    // Another text, and another conversation, under the name of a message that is known.
    for (const again of [sent, { ...sent, text: 'Other' }, { ...sent, externalConversationId: 'c-2' }]) {
      const { status, body } = await bring(server, 'telegram', again)
      assert.equal(status, 202)
      assert.deepEqual(body, { ...first.body, duplicate: true })
    }
    await settled(socket)
    assert.deepEqual(told(seen), [])
    const { conversations, totalUnread } = await inboxOf(server, user)
    assert.equal(totalUnread, 1)
    assert.deepEqual(conversations.map(({ externalConversationId }) => externalConversationId), ['c-1'])
    // The name counts for a platform and a user: these are others.
    assert.equal((await bring(server, 'sms', sent)).body.duplicate, false)
    assert.equal((await bring(server, 'telegram', { ...sent, userId: somebody() })).body.duplicate, false)
  })

  test('may be signed with and without a prefix', async () => {
    const body = JSON.stringify(message(somebody()))
    for (const signature of [sign(body), `sha256=${sign(body)}`, sign(body).toUpperCase()]) {
      assert.equal((await bring(server, 'email', body, { signature })).status, 202)
    }
  })

  test('is refused when its signature is missing, wrong, or of another body', async () => {
    const user = somebody()
    const body = JSON.stringify(message(user))
    const missing = await fetch(`${server.url}/api/webhooks/sms`, { method: 'POST', body })
    assert.deepEqual([missing.status, (await missing.json()).code], [401, 'UNAUTHENTICATED'])
    for (const signature of ['', 'sha256=', sign(body, 'another secret'), sign(`${body} `), sign(body).slice(2), `sha1=${sign(body)}`]) {
      const { status, body: refusal } = await bring(server, 'sms', body, { signature })
      assert.deepEqual([status, refusal.code], [403, 'ACCESS_DENIED'], signature)
      assert.ok(!JSON.stringify(refusal).includes(sign(body)))
    }
    assert.equal((await inboxOf(server, user)).conversations.length, 0)
  })

  test('is refused where no secret is set, or an empty one', async (t) => {
    for (const WEBHOOK_SECRET of [undefined, '']) {
      const closed = await startServer({ env: { WEBHOOK_SECRET } })
      t.after(() => closed.stop())
      const body = JSON.stringify(message('anna'))
      const { status, body: refusal } = await bring(closed, 'sms', body, { signature: sign(body, WEBHOOK_SECRET ?? '') })
      assert.deepEqual([status, refusal.code], [403, 'ACCESS_DENIED'])
      assert.match(refusal.detail, /WEBHOOK_SECRET/)
    }
  })

  test('that brings what doesn\'t fit is told which field', async () => {
    const user = somebody()
    const long = (length) => 'x'.repeat(length)
    for (const [spoilt, field] of [
      [{ userId: undefined }, 'userId: is missing'],
      [{ userId: '' }, 'userId'],
      [{ userId: long(256) }, 'userId'],
      [{ userId: 5 }, 'userId: expected a string'],
      [{ externalConversationId: '' }, 'externalConversationId'],
      [{ externalConversationId: 'a\u0000b' }, 'externalConversationId'],
      [{ externalMessageId: long(257) }, 'externalMessageId'],
      [{ sender: 'Carla' }, 'sender'],
      [{ sender: { name: 'Carla' } }, 'sender.id: is missing'],
      [{ sender: { id: '' } }, 'sender.id'],
      [{ sender: { id: '1', name: long(257) } }, 'sender.name'],
      [{ text: undefined }, 'text: is missing'],
      [{ text: long(65_537) }, 'text'],
      [{ text: 'a\u0000b' }, 'text'],
      [{ sentAt: 'yesterday' }, 'sentAt'],
    ]) {
      const { status, body } = await bring(server, 'sms', message(user, spoilt))
      assert.deepEqual([status, body.code], [400, 'INVALID_PAYLOAD'], field)
      assert.ok(body.detail.startsWith(field), body.detail)
    }
    for (const text of ['', 'no JSON', '[]', Buffer.from([0x7b, 0xff, 0x7d]).toString('latin1')]) {
      assert.equal((await bring(server, 'sms', text)).body.code, 'INVALID_PAYLOAD', text)
    }
    const tooLong = await bring(server, long(65), message(user))
    assert.match(tooLong.body.detail, /^platform: /)
    const tooLarge = await bring(server, 'sms', message(user, { more: long(1_000_000) }))
    assert.deepEqual([tooLarge.status, tooLarge.body.code], [413, 'PAYLOAD_TOO_LARGE'])
    assert.equal((await inboxOf(server, user)).conversations.length, 0)
  })

  test('may be of a platform that nobody knows, with a message at each bound', async () => {
    const user = somebody()
    const long = 'x'.repeat(256)
    const sent = message(user, {
      externalConversationId: long, externalMessageId: long, sender: { id: long, name: '' }, text: '😀'.repeat(16_384),
    })
    assert.equal((await bring(server, encodeURIComponent('fax ü/1'), sent)).status, 202)
    const { conversations: [conversation], unreadCounts } = await inboxOf(server, user)
    assert.equal(conversation.platform, 'fax ü/1')
    assert.equal(conversation.title, long, 'nobody told a name')
    assert.equal(conversation.lastMessage, '😀'.repeat(200), 'the beginning of it')
    assert.deepEqual(unreadCounts, { 'fax ü/1': 1 })
    const [stored] = await messagesOf(server, user, conversation.id)
    assert.equal(stored.text, sent.text)
    assert.deepEqual(stored.sender, { id: long })
  })

  test('whose caller hangs up loses no event', async (t) => {
    const user = somebody()
    const socket = await signedIn(t, server, user)
    const seen = record(socket)
    for (let n = 0; n < 60; n += 1) {
      const text = JSON.stringify(message(user))
      const abort = new AbortController()
      const asked = fetch(`${server.url}/api/webhooks/sms`, {
        method: 'POST', headers: { 'x-signature-256': sign(text) }, body: text, signal: abort.signal,
      })
      // Somewhere between being read and being answered.
      setTimeout(() => abort.abort(), n / 10)
      await asked.catch(() => {})
    }
    await bring(server, 'sms', message(user))
    // Some may still be under way, which nobody waits for.
    const [stored, heard] = await until('as many were told as were stored', async () => {
      const { totalUnread } = await inboxOf(server, user)
      await settled(socket)
      const count = told(seen).filter(([name]) => name === 'new_message').length
      return count === totalUnread && [totalUnread, count]
    })
    assert.equal(heard, stored)
    assert.ok(stored > 1, 'some came through')
  })
})

describe('a conversation', () => {
  test('tells of the message that was sent last, whenever it came', async () => {
    const user = somebody()
    const at = (minute, text, more) => message(user, { sentAt: `2026-11-21T07:0${minute}:00.000Z`, text, ...more })
    await bring(server, 'slack', at(3, 'third', { sender: { id: 'carla' } }))
    await bring(server, 'slack', at(1, 'first'))
    await bring(server, 'slack', at(2, 'second', { externalConversationId: 'c-2', sender: { id: 'dora', name: 'Dora' } }))
    await bring(server, 'slack', at(2, 'second', { sender: { id: 'carla', name: 'Carla' } }))
    const { conversations } = await inboxOf(server, user)
    assert.deepEqual(
      conversations.map(({ title, lastMessage, lastMessageAt, unreadCount }) => [title, lastMessage, lastMessageAt, unreadCount]),
      [
        // Called by its first sender's id until a name was told.
        ['Carla', 'third', '2026-11-21T07:03:00.000Z', 3],
        ['Dora', 'second', '2026-11-21T07:02:00.000Z', 1],
      ],
    )
    const messages = await messagesOf(server, user, conversations[0].id)
    assert.deepEqual(messages.map(({ text }) => text), ['third', 'second', 'first'])
  })

  test('comes by pages, as its messages do', async () => {
    const user = somebody()
    const at = (n) => new Date(1_790_000_000_000 + Math.floor(n / 2) * 1000).toISOString()
    const all = Array.from({ length: 501 }, (_, n) => n)
    const bringAll = (fields) => Promise.all(all.map((n) => bring(server, 'sms', message(user, { sentAt: at(n), text: `${n}`, ...fields(n) }))))
    /** Each once, the latest first. */
    const inOrder = (numbers) => {
      assert.deepEqual([...numbers].sort((a, b) => a - b), all)
      assert.ok(numbers.every((n, i) => i === 0 || at(n) <= at(numbers[i - 1])))
    }
    await bringAll((n) => ({ externalConversationId: `c-${n}` }))
    const first = await inboxOf(server, user)
    assert.equal(first.conversations.length, 500)
    const { body: second } = await call(server, 'GET', `/api/inbox/conversations?after=${first.next}`, { as: user })
    assert.equal(second.next, undefined)
    const numbers = [...first.conversations, ...second.conversations].map(({ lastMessage }) => Number(lastMessage))
    inOrder(numbers)

    await bringAll(() => ({ externalConversationId: 'all' }))
    const { conversations } = await inboxOf(server, user)
    const { id } = conversations.find(({ externalConversationId }) => externalConversationId === 'all')
    inOrder((await messagesOf(server, user, id)).map(({ text }) => Number(text)))

    for (const after of ['x', '1', 'one.two', '99999999999999999999.a']) {
      const { status, body } = await call(server, 'GET', `/api/inbox/conversations?after=${after}`, { as: user })
      assert.deepEqual([status, body.code], [400, 'INVALID_PAYLOAD'], after)
      assert.match(body.detail, /^after: /)
    }
  })
})

describe('a status', () => {
  test('moves forward alone, and is told when it does', async (t) => {
    const user = somebody()
    const { body: { messageId, conversationId } } = await bring(server, 'discord', message(user))
    await bring(server, 'email', message(user))
    const socket = await signedIn(t, server, user)
    const seen = record(socket)
    const step = async (what, status) => {
      const { status: answered, body } = await post(`messages/${messageId}/${what}`, user)
      assert.deepEqual([answered, body.id, body.status], [200, messageId, status], what)
    }
    await step('delivered', 'delivered')
    await step('delivered', 'delivered')
    await step('read', 'read')
    await step('read', 'read')
    await step('delivered', 'read')
    await settled(socket)
    const { conversations } = await inboxOf(server, user)
    const conversation = conversations.find(({ id }) => id === conversationId)
    assert.equal(conversation.unreadCount, 0)
    assert.deepEqual(
      told(seen).map(([name, { timestamp, ...payload }]) => (assert.match(timestamp, TIME), [name, payload])),
      [
        ['message_status_update', { messageId, conversationId, status: 'delivered' }],
        ['message_status_update', { messageId, conversationId, status: 'read' }],
        ['conversation_update', { conversation }],
        // A platform with nothing unread is told, too: its badge goes.
        ['unread_count_update', { unreadCounts: { discord: 0, email: 1 }, totalUnread: 1 }],
      ],
    )
  })

  test('is that of all messages when a conversation is read', async (t) => {
    const user = somebody()
    const ids = []
    for (const minute of [2, 1, 3]) {
      const sent = message(user, { sentAt: `2026-11-21T07:0${minute}:00.000Z` })
      ids[minute] = (await bring(server, 'instagram', sent)).body.messageId
    }
    const { body: { conversationId } } = await bring(server, 'instagram', message(user, { externalConversationId: 'c-2' }))
    const { conversations } = await inboxOf(server, user)
    const { id } = conversations.find((one) => one.id !== conversationId)
    await post(`messages/${ids[2]}/read`, user)
    const socket = await signedIn(t, server, user)
    const seen = record(socket)
    for (let time = 0; time < 2; time += 1) {
      const { status, body } = await post(`conversations/${id}/read`, user)
      assert.deepEqual([status, body.id, body.unreadCount], [200, id, 0])
    }
    await settled(socket)
    const events = told(seen)
    assert.deepEqual(events.map(([name]) => name), ['message_status_update', 'message_status_update', 'conversation_update', 'unread_count_update'])
    assert.deepEqual(events.slice(0, 2).map(([, { messageId, status }]) => [messageId, status]), [[ids[1], 'read'], [ids[3], 'read']])
    assert.deepEqual([events[3][1].unreadCounts, events[3][1].totalUnread], [{ instagram: 1 }, 1])
    assert.ok((await messagesOf(server, user, id)).every(({ status }) => status === 'read'))
  })

  test('of a long conversation is told of the latest hundred, then of the whole', async (t) => {
    const user = somebody()
    let last
    for (let n = 0; n < 103; n += 1) last = (await bring(server, 'sms', message(user, { sentAt: new Date(1e12 + n).toISOString() }))).body
    const socket = await signedIn(t, server, user)
    const seen = record(socket)
    await post(`conversations/${last.conversationId}/read`, user)
    await settled(socket)
    const events = told(seen)
    assert.equal(events.filter(([name]) => name === 'message_status_update').length, 100)
    assert.equal(events[99][1].messageId, last.messageId)
    assert.equal(events[100][1].conversation.unreadCount, 0)
    assert.equal(events[101][1].totalUnread, 0)
    assert.ok((await messagesOf(server, user, last.conversationId)).every(({ status }) => status === 'read'))
  })
})

test('a stranger can\'t tell what is another\'s from what isn\'t there', async (t) => {
  const user = somebody()
  const { body: { messageId, conversationId } } = await bring(server, 'sms', message(user))
  const socket = await signedIn(t, server, user)
  const seen = record(socket)
  const answers = []
  for (const [message, conversation] of [[messageId, conversationId], ['nothing', 'nothing']]) {
    for (const [method, path] of [
      ['GET', `conversations/${conversation}/messages`],
      ['POST', `conversations/${conversation}/read`],
      ['POST', `messages/${message}/delivered`],
      ['POST', `messages/${message}/read`],
    ]) {
      const answer = await call(server, method, `/api/inbox/${path}`, { as: 'stranger' })
      assert.equal(answer.status, 404, path)
      assert.equal(answer.body.code, 'NOT_FOUND')
      answers.push(JSON.stringify(answer))
      assert.equal((await call(server, method, `/api/inbox/${path}`)).body.code, 'UNAUTHENTICATED')
    }
  }
  assert.deepEqual(answers.slice(0, 4), answers.slice(4))
  assert.equal((await call(server, 'GET', '/api/inbox/conversations')).status, 401)
  assert.deepEqual(await inboxOf(server, 'stranger'), { conversations: [], unreadCounts: {}, totalUnread: 0 })
  await settled(socket)
  assert.deepEqual(told(seen), [])
  assert.equal((await inboxOf(server, user)).totalUnread, 1)
})

test('two users at once hear of their own messages alone, on each of their devices', async (t) => {
  const users = [somebody(), somebody()]
  const devices = await Promise.all(users.flatMap((user) => [signedIn(t, server, user), signedIn(t, server, user)]))
  const seen = devices.map(record)
  await Promise.all(users.flatMap((user) => Array.from({ length: 20 }, (_, n) => bring(server, 'sms', message(user, { text: `${user} ${n}` })))))
  await Promise.all(devices.map(settled))
  for (const [at, events] of seen.entries()) {
    const user = users[Math.floor(at / 2)]
    const mine = told(events)
    assert.equal(mine.length, 60)
    assert.ok(mine.every(([, , { room }]) => room === `user:${user}`))
    assert.ok(mine.filter(([name]) => name === 'new_message').every(([, payload]) => payload.message.text.startsWith(user)))
  }
  const written = (events) => JSON.stringify(told(events))
  assert.equal(written(seen[0]), written(seen[1]), 'the same on both')
})

test('what was taken in is there after a server was killed', async (t) => {
  const first = await startServer({ env: { WEBHOOK_SECRET } })
  t.after(() => first.stop())
  const acknowledged = new Set()
  let killed
  const senders = Array.from({ length: 4 }, async (_, sender) => {
    for (let n = 0; ; n += 1) {
      const sent = message('anna', { externalMessageId: `${sender}-${n}`, externalConversationId: `c-${sender}` })
      const { status } = await bring(first, 'sms', sent)
      assert.equal(status, 202)
      acknowledged.add(sent.externalMessageId)
      if (n === 20) killed ??= first.end('SIGKILL')
    }
  })
  await Promise.allSettled(senders)
  await killed
  const second = await startServer({ database: first.database, env: { WEBHOOK_SECRET } })
  t.after(() => second.stop())
  const { conversations, totalUnread, unreadCounts } = await inboxOf(second, 'anna')
  const stored = (await Promise.all(conversations.map(({ id }) => messagesOf(second, 'anna', id)))).flat()
  const names = new Set(stored.map(({ externalMessageId }) => externalMessageId))
  for (const name of acknowledged) assert.ok(names.has(name), `${name} was acknowledged`)
  assert.equal(totalUnread, stored.length)
  assert.equal(conversations.reduce((sum, { unreadCount }) => sum + unreadCount, 0), stored.length)
  // What is brought again is known, and goes on.
  const known = await bring(second, 'sms', message('anna', { externalMessageId: [...acknowledged][0] }))
  assert.equal(known.body.duplicate, true)
  const socket = await signedIn(t, second, 'anna')
  const fresh = next(socket, 'unread_count_update')
  await bring(second, 'sms', message('anna'))
  const [{ unreadCounts: now }] = await fresh
  assert.equal(now.sms, unreadCounts.sms + 1)
})
