// Delivered receipts: a client that acknowledges `new_message` says that it arrived.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import { token } from './api.mjs'
import { next, open, record, settled, signedIn } from './client.mjs'
import { raw } from './raw-client.mjs'
import { startServer } from './server.mjs'
import { bring, inboxOf, message, messagesOf, WEBHOOK_SECRET } from './webhook.mjs'

let server
before(async () => {
  server = await startServer({ env: { RATE_LIMIT_MAX: '100000', WEBHOOK_SECRET } })
})
after(() => server.stop())

const somebody = () => `user-${randomUUID()}`
const updates = (seen) => seen.filter(([name]) => name === 'message_status_update')

/** What is stored as the status of a user's only message. */
async function statusOf(user) {
  const { conversations: [{ id }] } = await inboxOf(server, user)
  return (await messagesOf(server, user, id))[0].status
}

for (const transport of ['websocket', 'polling']) {
  test(`a message is delivered once a client acknowledges it, over ${transport}`, async (t) => {
    const user = somebody()
    const devices = await Promise.all([1, 2, 3].map(() => signedIn(t, server, user, { transports: [transport] })))
    const seen = devices.map(record)
    // Two of them say that it arrived, and the third has no need to.
    for (const socket of devices.slice(0, 2)) {
      socket.on('new_message', (data, meta, acknowledge) => {
        assert.deepEqual(Object.keys(data).sort(), ['conversation', 'message', 'timestamp'])
        assert.equal(meta.room, `user:${user}`)
        acknowledge()
      })
    }
    const told = devices.map((socket) => next(socket, 'message_status_update'))
    const { body: { messageId, conversationId } } = await bring(server, 'sms', message(user))
    for (const [update] of await Promise.all(told)) {
      const { timestamp, ...rest } = update
      assert.deepEqual(rest, { messageId, conversationId, status: 'delivered' })
      assert.match(timestamp, /Z$/)
    }
    await Promise.all(devices.map(settled))
    for (const events of seen) assert.equal(updates(events).length, 1, 'told once')
    assert.equal(await statusOf(user), 'delivered')
    const { totalUnread } = await inboxOf(server, user)
    assert.equal(totalUnread, 1, 'delivered is not read')
  })
}

test('a message that comes by a resumed room can be acknowledged, too', async (t) => {
  const user = somebody()
  const first = await signedIn(t, server, user)
  const [[, meta]] = await Promise.all([next(first, 'unread_count_update'), bring(server, 'sms', message(somebody())), bring(server, 'sms', message(user))])
  first.disconnect()
  const { body: { messageId } } = await bring(server, 'sms', message(user))
  const resume = [{ room: meta.room, epoch: meta.epoch, offset: meta.offset }]
  const second = open(t, server, { auth: { token: token(user), resume } })
  second.on('new_message', (data, place, acknowledge) => acknowledge())
  const [update] = await next(second, 'message_status_update')
  assert.equal(update.messageId, messageId)
})

test('what was read is not delivered afterwards', async (t) => {
  const user = somebody()
  const socket = await signedIn(t, server, user)
  const seen = record(socket)
  const arrived = next(socket, 'new_message')
  const { body: { messageId } } = await bring(server, 'sms', message(user))
  const [, , acknowledge] = await arrived
  await fetch(`${server.url}/api/inbox/messages/${messageId}/read`, { method: 'POST', headers: { authorization: `Bearer ${token(user)}` } })
  acknowledge()
  await settled(socket)
  assert.deepEqual(updates(seen).map(([, { status }]) => status), ['read'])
  assert.equal(await statusOf(user), 'read')
})

test('Message delivery receipts: nobody acknowledges what they weren\'t sent', async (t) => {
  const user = somebody()
  const client = await raw(t, server, user)
  const stranger = await raw(t, server, somebody())
  const unsigned = await raw(t, server, somebody())
  await bring(server, 'sms', message(user))
  const frame = await client.frame('42')
  const [, number] = /^42(\d+)\["new_message",/.exec(frame)
  for (const other of [stranger, unsigned]) other.send(`43${number}[]`)
  // Other numbers, of other events and of none, and what is no acknowledgement at all.
  for (const wrong of [Number(number) + 1, Number(number) - 1, 0, '', '99999999999999999999', '-1']) client.send(`43${wrong}[]`)
  for (const one of [stranger, client]) {
    one.send('421["ping"]')
    await one.frame('431[')
  }
  assert.equal(await statusOf(user), undefined)
  // The right one, whatever comes with it, however often.
  for (const answer of ['["thanks",{"more":1}]', '[]', '{', '']) client.send(`43${number}${answer}`)
  await client.frame('42["message_status_update"')
  client.send('422["ping"]')
  await client.frame('432[')
  assert.equal(await statusOf(user), 'delivered')
})
