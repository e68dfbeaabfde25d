import { createHmac, randomUUID } from 'node:crypto'
import type { DemoServer } from './DemoServer'

/** What platforms sign their messages with. */
export const WEBHOOK_SECRET = 'a secret of the platforms'

/** What opens the calls of back ends. */
export const PUBLISH_KEY = 'a key of the platforms'

/** Brings a message to a user, as a platform does. Its conversation's id. */
export async function bring(server: Pick<DemoServer, 'url'>, platform: string, userId: string, name: string, text: string): Promise<string> {
  const sender = { id: name.toLowerCase().replaceAll(' ', '-'), name }
  const body = JSON.stringify({
    userId,
    externalConversationId: `${platform}-${sender.id}`,
    externalMessageId: randomUUID(),
    sender,
    text,
    sentAt: new Date().toISOString(),
  })
  const signature = createHmac('sha256', WEBHOOK_SECRET).update(body).digest('hex')
  const answer = await fetch(`${server.url}api/webhooks/${platform}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-signature-256': `sha256=${signature}` },
    body,
  })
  if (answer.status !== 202) throw new Error(`the message was answered with ${answer.status}: ${await answer.text()}`)
  return ((await answer.json()) as { conversationId: string }).conversationId
}

/** Tells a user that somebody types in a conversation, or doesn't any more, as who brings its messages does. */
export async function tellTyping(server: Pick<DemoServer, 'url'>, event: 'typing:start' | 'typing:stop', userId: string, conversationId: string): Promise<void> {
  const answer = await fetch(`${server.url}api/publish`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-api-key': PUBLISH_KEY },
    body: JSON.stringify({ room: `user:${userId}`, event, data: { conversationId, userId: 'a customer' } }),
  })
  if (!answer.ok) throw new Error(`that somebody types was answered with ${answer.status}: ${await answer.text()}`)
}
