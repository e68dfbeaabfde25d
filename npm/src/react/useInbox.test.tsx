// @vitest-environment jsdom
import { expect, test } from 'vitest'
import type { InboxConversation, InboxMessage, MessageStatus } from '../protocol.js'
import { SamewireError, type TestServer } from '../testing/index.js'
import { endWithTest, eventually, rendersOnServer, renderWithServer, testServer } from './testing/renderWithServer.js'
import { useInbox } from './useInbox.js'

endWithTest()

const at = (minute: number) => `2026-01-01T00:${String(minute).padStart(2, '0')}:00.000Z`

const conversation = (id: string, lastMessageAt: string, unreadCount = 0): InboxConversation => ({
  id,
  platform: 'whatsapp',
  externalConversationId: `external ${id}`,
  title: `Conversation ${id}`,
  lastMessageAt,
  unreadCount,
})

const message = (id: string, conversationId: string, sentAt: string, status?: MessageStatus): InboxMessage => ({
  id,
  conversationId,
  platform: 'whatsapp',
  externalMessageId: `external ${id}`,
  sender: { id: 'mia' },
  text: `Message ${id}`,
  sentAt,
  ...(status && { status }),
})

/** A server that keeps an inbox of two conversations. */
class InboxServer {
  readonly server: TestServer = testServer()
  conversations = [conversation('b', at(2), 1), conversation('a', at(1))]
  messages = [message('b1', 'b', at(2)), message('a1', 'a', at(1), 'read')]
  unreadCounts: Record<string, number> = { whatsapp: 1 }
  /** Reads wait for it. */
  reading: Promise<void> = Promise.resolve()
  reads = 0

  constructor() {
    this.server.onRequest('GET /api/inbox/conversations', async () => {
      this.reads += 1
      const page = { conversations: this.conversations, unreadCounts: this.unreadCounts, totalUnread: this.#total }
      await this.reading
      return page
    })
    this.server.onRequest('GET /api/inbox/conversations/{id}/messages', ({ params }) => ({
      messages: this.messages.filter(({ conversationId }) => conversationId === params.id).reverse(),
    }))
    this.server.onRequest('POST /api/inbox/conversations/{id}/read', ({ params }) => this.read(params.id!))
    this.server.onRequest('POST /api/inbox/messages/{id}/read', ({ params }) => this.messages.find(({ id }) => id === params.id))
  }

  get #total(): number {
    return Object.values(this.unreadCounts).reduce((sum, count) => sum + count, 0)
  }

  arrives(arrived: InboxMessage): void {
    this.messages.push(arrived)
    const now = conversation(arrived.conversationId, arrived.sentAt, 1)
    this.conversations = [now, ...this.conversations.filter(({ id }) => id !== now.id)]
    this.server.deliver('user:ada', 'new_message', { message: arrived, conversation: now, timestamp: arrived.sentAt })
    this.count({ whatsapp: (this.unreadCounts.whatsapp ?? 0) + 1 })
  }

  count(unreadCounts: Record<string, number>): void {
    this.unreadCounts = unreadCounts
    this.server.deliver('user:ada', 'unread_count_update', { unreadCounts, totalUnread: this.#total, timestamp: at(9) })
  }

  read(id: string): InboxConversation {
    const read = { ...this.conversations.find((known) => known.id === id)!, unreadCount: 0 }
    this.count({ whatsapp: 0 })
    return read
  }
}

async function inbox(options?: { conversationId?: string }, server = new InboxServer()) {
  const rendered = renderWithServer((options) => useInbox(options ?? {}), { server: server.server, ...(options && { initialProps: options }) })
  await rendered.gives({ status: 'joined' })
  return { ...rendered, inbox: server }
}

test('shows what is stored, then what comes in', async () => {
  const { inbox: stored, gives, server } = await inbox()
  await gives({ conversations: [{ id: 'b' }, { id: 'a' }], messages: [], unreadCounts: { whatsapp: 1 }, totalUnread: 1, error: undefined })
  stored.arrives(message('a2', 'a', at(3)))
  await gives({ conversations: [{ id: 'a', unreadCount: 1 }, { id: 'b' }], messages: [{ id: 'a2' }], unreadCounts: { whatsapp: 2 }, totalUnread: 2 })
  server.deliver('user:ada', 'conversation_update', { conversation: { ...conversation('b', at(2)), title: 'Renamed' }, timestamp: at(4) })
  await gives({ conversations: [{ id: 'a' }, { id: 'b', title: 'Renamed' }] })
  expect(stored.reads, 'StrictMode reads once').toBe(1)
  expect(server.acknowledged.map(({ event }) => event), 'the message was delivered').toEqual(['new_message'])
})

test('shows one conversation’s messages, with what became of them', async () => {
  const { inbox: stored, gives, server, rerender } = await inbox({ conversationId: 'b' })
  await gives({ messages: [{ id: 'b1' }] })
  stored.arrives(message('b2', 'b', at(3)))
  stored.arrives(message('a2', 'a', at(4)))
  await gives({ messages: [{ id: 'b1' }, { id: 'b2' }] })
  const becomes = (messageId: string, status: MessageStatus) =>
    server.deliver('user:ada', 'message_status_update', { messageId, conversationId: 'b', status, timestamp: at(5) })
  becomes('b1', 'delivered')
  becomes('b1', 'read')
  becomes('b2', 'delivered')
  becomes('b1', 'delivered')
  await gives({ messages: [{ id: 'b1', status: 'read' }, { id: 'b2', status: 'delivered' }] })
  rerender({ conversationId: 'a' })
  await gives({ messages: [{ id: 'a1' }, { id: 'a2' }], status: 'joined' })
})

test('it is the server that counts what is unread', async () => {
  const { result, inbox: stored, gives, server } = await inbox()
  server.freeze()
  const marked = result.current.markRead({ conversationId: 'b' })
  expect(await marked).toBeUndefined()
  await gives({ conversations: [{ id: 'b', unreadCount: 0 }, { id: 'a' }], unreadCounts: { whatsapp: 1 } })
  server.thaw()
  await gives({ unreadCounts: { whatsapp: 0 }, totalUnread: 0 })
  stored.count({ whatsapp: 2, email: 3 })
  await gives({ unreadCounts: { whatsapp: 2, email: 3 }, totalUnread: 5 })
  await result.current.markRead({ messageId: 'b1' })
  server.onRequest('POST /api/inbox/messages/{id}/read', () => {
    throw new SamewireError('NOT_FOUND', 'no such message')
  })
  await expect(result.current.markRead({ messageId: 'x' })).rejects.toMatchObject({ code: 'NOT_FOUND', message: 'no such message' })
})

test('what comes in while the inbox is read is not lost', async () => {
  const stored = new InboxServer()
  let letRead = () => {}
  stored.reading = new Promise((resolve) => (letRead = resolve))
  const { gives } = renderWithServer(() => useInbox(), stored)
  await eventually(() => expect(stored.reads).toBe(1))
  stored.arrives(message('c1', 'c', at(3)))
  await gives({ status: 'joining', messages: [{ id: 'c1' }] })
  letRead()
  await gives({ status: 'joined', conversations: [{ id: 'c' }, { id: 'b' }, { id: 'a' }], messages: [{ id: 'c1' }], totalUnread: 2 })
})

test('what came in during a lost connection is there afterwards, also where the log is lost', async () => {
  const { inbox: stored, gives, server, result } = await inbox({ conversationId: 'b' })
  server.reachable = false
  server.drop()
  stored.arrives(message('b2', 'b', at(3)))
  expect(result.current.status, 'it stays known who one is').toBe('joined')
  server.reachable = true
  await gives({ messages: [{ id: 'b1' }, { id: 'b2' }], totalUnread: 2 })
  expect(stored.reads).toBe(1)
  server.restart()
  stored.messages.push(message('b3', 'b', at(4)))
  stored.unreadCounts = { whatsapp: 7 }
  await gives({ messages: [{ id: 'b1' }, { id: 'b2' }, { id: 'b3' }], totalUnread: 7 })
})

test('a burst is shown once; what doesn’t change stays the same', async () => {
  const { inbox: stored, result, rendersForBurst } = await inbox()
  const { conversations } = result.current
  expect(await rendersForBurst((count) => stored.count({ whatsapp: count }))).toBe(1)
  expect(result.current.totalUnread).toBe(200)
  expect(result.current.conversations).toBe(conversations)
})

test('says why it can’t be read, and leaves nothing behind', async () => {
  const server = testServer()
  const { gives, leavesNothing } = renderWithServer(() => useInbox(), { server })
  await gives({ status: 'refused', error: { code: 'NOT_FOUND' } })
  await leavesNothing()
})

test('on a server it is idle', () => {
  expect(rendersOnServer(() => useInbox({ conversationId: 'b' })).result).toMatchObject({ conversations: [], messages: [], unreadCounts: {}, totalUnread: 0, status: 'idle' })
})
