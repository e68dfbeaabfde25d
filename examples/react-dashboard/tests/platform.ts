import { createHmac, randomUUID } from 'node:crypto'
import type { DemoServer } from './DemoServer'

/** What platforms sign their messages with. */
export const WEBHOOK_SECRET = 'a secret of the platforms'

/** Brings a message to a user, as a platform does. */
export async function bring(server: Pick<DemoServer, 'url'>, platform: string, userId: string, name: string, text: string): Promise<void> {
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
}
