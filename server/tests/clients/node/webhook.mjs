// Messages as a platform brings them, signed (http.md, "Inbox").
import { createHmac, randomUUID } from 'node:crypto'
import { call } from './api.mjs'

export const WEBHOOK_SECRET = 'a secret of the platforms'

export const sign = (body, secret = WEBHOOK_SECRET) => createHmac('sha256', secret).update(body).digest('hex')

/** A message for a user; what isn't given is made up. */
export const message = (userId, fields = {}) => ({
  userId,
  externalConversationId: 'c-1',
  externalMessageId: randomUUID(),
  sender: { id: '4915112345678', name: 'Carla Ruiz' },
  text: 'Is the blue one back in stock?',
  sentAt: '2026-11-21T07:38:47.123Z',
  ...fields,
})

/** Brings a message by a platform's webhook; gives status and body. */
export async function bring(server, platform, body, { signature, headers } = {}) {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const response = await fetch(`${server.url}/api/webhooks/${platform}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-signature-256': signature ?? `sha256=${sign(text)}`, ...headers },
    body: text,
  })
  return { status: response.status, body: await response.json() }
}

/** A user's conversations and counts. */
export async function inboxOf(server, user) {
  const { body } = await call(server, 'GET', '/api/inbox/conversations', { as: user })
  return body
}

/** All messages of a conversation, page after page. */
export async function messagesOf(server, user, conversationId) {
  const messages = []
  for (let after; ; ) {
    const page = after === undefined ? '' : `?after=${encodeURIComponent(after)}`
    const { body } = await call(server, 'GET', `/api/inbox/conversations/${conversationId}/messages${page}`, { as: user })
    messages.push(...body.messages)
    after = body.next
    if (after === undefined) return messages
  }
}
