// Unread counts are exact, and events in order, however many messages and reads come at once.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { call } from './api.mjs'
import { record, settled, signedIn } from './client.mjs'
import { random, seedOf } from './random.mjs'
import { startServer } from './server.mjs'
import { bring, inboxOf, message, messagesOf, WEBHOOK_SECRET } from './webhook.mjs'

const MESSAGES = 1000
const READS = 500
const AT_A_TIME = 10
const USERS = ['anna', 'ben', 'chen', 'dora']
const PLATFORMS = ['whatsapp', 'telegram', 'email', 'fax']

let server
before(async () => {
  server = await startServer({ env: { RATE_LIMIT_MAX: '100000', LOG_EVENTS: '100000', WEBHOOK_SECRET } })
})
after(() => server.stop())

/** What a client knows that folds what it is told; holds each event against what was told before. */
function fold(events) {
  const messages = new Map()
  const unread = (fits) => [...messages.values()].filter((known) => known.status !== 'read' && fits(known)).length
  const counts = () => {
    const platforms = [...new Set([...messages.values()].map(({ platform }) => platform))]
    return Object.fromEntries(platforms.map((platform) => [platform, unread((known) => known.platform === platform)]))
  }
  const exact = (conversation) =>
    assert.equal(conversation.unreadCount, unread(({ conversationId }) => conversationId === conversation.id))
  for (const [name, payload] of events) {
    if (name === 'new_message') {
      assert.ok(!messages.has(payload.message.id), 'told twice')
      messages.set(payload.message.id, { ...payload.message })
      exact(payload.conversation)
    } else if (name === 'message_status_update') {
      const known = messages.get(payload.messageId)
      assert.ok(known && known.status !== 'read', 'told of before, and not read')
      known.status = payload.status
    } else if (name === 'conversation_update') {
      exact(payload.conversation)
    } else if (name === 'unread_count_update') {
      assert.deepEqual(payload.unreadCounts, counts())
      assert.equal(payload.totalUnread, messages.size - [...messages.values()].filter(({ status }) => status === 'read').length)
    }
  }
  return { messages, counts: counts() }
}

test('1,000 messages by webhook, ten at a time with duplicates, and 500 reads at once', async (t) => {
  const chance = random(seedOf(t))
  const pick = (all) => all[Math.floor(chance() * all.length)]
  const sent = Array.from({ length: MESSAGES }, (_, n) => ({
    platform: pick(PLATFORMS),
    body: message(pick(USERS), {
      externalConversationId: `c-${Math.floor(chance() * 3)}`,
      externalMessageId: `m-${n}`,
      sentAt: new Date(1_790_000_000_000 + Math.floor(chance() * 1e9)).toISOString(),
      text: `${n}`,
    }),
  }))
  // Every third is brought again, some of them while the first is still under way.
  const queue = sent.flatMap((one, n) => (n % 3 === 0 ? [one, one] : [one]))

  const sockets = await Promise.all(USERS.map((user) => signedIn(t, server, user, { transports: ['websocket'] })))
  const seen = sockets.map(record)
  const stored = []
  let duplicates = 0
  let reads
  const bringAll = async () => {
    for (let one; (one = queue.shift()); ) {
      const { status, body } = await bring(server, one.platform, one.body)
      assert.equal(status, 202)
      if (body.duplicate) duplicates += 1
      else stored.push({ user: one.body.userId, id: body.messageId })
      if (stored.length === READS) {
        reads ??= Promise.all(
          stored.slice(0, READS).map(({ user, id }) => call(server, 'POST', `/api/inbox/messages/${id}/read`, { as: user })),
        )
      }
    }
  }
  await Promise.all(Array.from({ length: AT_A_TIME }, bringAll))
  for (const { status, body } of await reads) assert.deepEqual([status, body.status], [200, 'read'])
  assert.equal(stored.length, MESSAGES)
  assert.equal(duplicates, Math.ceil(MESSAGES / 3))

  await Promise.all(sockets.map(settled))
  let unread = 0
  for (const [n, user] of USERS.entries()) {
    const events = seen[n].filter(([, , meta]) => meta?.room === `user:${user}`)
    const offsets = events.map(([, , { offset }]) => offset)
    assert.deepEqual(offsets, offsets.map((_, at) => offsets[0] + at), 'in order, none left out')
    const { messages, counts } = fold(events)
    const mine = sent.filter(({ body }) => body.userId === user)
    assert.deepEqual([...messages.values()].map(({ text }) => text).sort(), mine.map(({ body }) => body.text).sort())

    const { conversations, unreadCounts, totalUnread } = await inboxOf(server, user)
    assert.deepEqual(unreadCounts, counts)
    assert.equal(totalUnread, Object.values(counts).reduce((sum, count) => sum + count, 0))
    unread += totalUnread
    for (const { id, unreadCount, lastMessage } of conversations) {
      const all = await messagesOf(server, user, id)
      assert.equal(unreadCount, all.filter(({ status }) => status !== 'read').length)
      assert.equal(lastMessage, all[0].text)
      assert.ok(all.every(({ id: one, status }) => messages.get(one).status === status))
    }
  }
  assert.equal(unread, MESSAGES - READS)
})
