// @vitest-environment jsdom
/** The hooks against the real server. `SAMEWIRE_SERVER` names its program; build it by `cargo build --release -p samewire-server`. */

import { cleanup, renderHook } from '@testing-library/react'
import { SamewireProvider, useAssistant, useInbox, useLivePreview, usePresence, useRealtimeUpdates, useStories, useTyping } from 'samewire/react'
import { StrictMode, type ReactNode } from 'react'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { WebSocket } from 'ws'
import { createClient } from '../src/index.node.js'
import type { Client, ClientOptions } from '../src/types.js'
import { RealServer, tokenOf } from './browser/RealServer.js'
import { eventually } from './eventually.js'

let server: RealServer
const clients: Client[] = []

beforeAll(async () => {
  server = await RealServer.start()
}, 60_000)

afterEach(() => {
  cleanup()
  for (const client of clients.splice(0)) {
    client.close()
    expect(client.stats).toEqual({ timers: 0, listeners: 0, sockets: 0, rooms: 0, pendingEmits: 0 })
  }
})

afterAll(() => server?.dispose())

function clientOf(user: string): Client {
  const options: ClientOptions = {
    token: tokenOf(user),
    WebSocket: WebSocket as unknown as typeof globalThis.WebSocket,
    // Node.js takes no signal of jsdom's.
    fetch: (url, { signal: _signal, ...init } = {}) => fetch(url, init),
    reconnectionDelay: 50,
    autoConnect: true,
  }
  const client = createClient(server.url, options)
  clients.push(client)
  return client
}

/** Renders a hook as somebody. */
function render<Result>(user: string, hook: () => Result) {
  const client = clientOf(user)
  const wrapper = ({ children }: { children: ReactNode }) => <StrictMode><SamewireProvider client={client}>{children}</SamewireProvider></StrictMode>
  const { result } = renderHook(hook, { wrapper })
  const gives = (expected: object) => eventually(() => expect(result.current).toMatchObject(expected))
  return { client, result, gives }
}

async function post<Answer>(client: Client, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const response = await client.fetch(path, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, ...(text !== undefined && { body: text }) })
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`)
  return (await response.json()) as Answer
}

interface Card {
  id: string
  title: string
  column?: string
}

test('two people change the items of a board, through a conflict and a killed server', { timeout: 90_000 }, async () => {
  const board = () => useRealtimeUpdates<Card>({ entity: 'cards', roomId: 'hooks-board' })
  const [ada, grace] = [render('ada', board), render('grace', board)]
  await Promise.all([ada.gives({ state: { status: 'joined' } }), grace.gives({ state: { status: 'joined' } })])
  const { id } = await ada.result.current.sendUpdate('create', { title: 'Buy beans' })
  await grace.gives({ state: { items: [{ id, title: 'Buy beans' }] } })

  // Both at once, each as a change of the first version.
  const both = await Promise.allSettled([ada.result.current.sendUpdate('update', { id, column: 'doing' }), grace.result.current.sendUpdate('update', { id, column: 'done' })])
  const lost = both.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []))
  for (const error of lost) expect(error).toMatchObject({ code: 'CONFLICT', current: { id, version: 2 } })
  const { column } = (await eventually(() => {
    const [mine, theirs] = [ada, grace].map(({ result }) => result.current.state.items[0])
    expect(mine).toEqual(theirs)
    expect(['doing', 'done']).toContain(mine?.column)
    return mine
  })) as Card

  await server.kill()
  const late = ada.result.current.sendUpdate('update', { id, title: 'Roast' })
  await ada.gives({ state: { items: [{ id, title: 'Roast' }] } })
  await server.startAgain()
  await late
  await grace.gives({ state: { items: [{ id, title: 'Roast', column }] } })
  await ada.result.current.sendUpdate('delete', { id })
  await grace.gives({ state: { items: [] } })
})

test('a conversation with the assistant, whole in every tab, and who types in it', { timeout: 180_000 }, async () => {
  const owner = clientOf('ada')
  const { id } = await owner.emit('conversation:create', { title: 'Hooks' })
  const one = render('ada', () => useAssistant(id))
  const other = render('ada', () => useAssistant(id))
  await Promise.all([one.gives({ status: 'joined' }), other.gives({ status: 'joined' })])

  const question = await one.result.current.send('Tell me about beans')
  const answered = () => eventually(() => expect([one, other].map(({ result }) => result.current.messages.map(({ role, incomplete }) => [role, incomplete]))).toEqual([
    [['user', false], ['assistant', false]],
    [['user', false], ['assistant', false]],
  ]))
  await answered()
  expect(one.result.current.messages[0]).toEqual(question)
  expect(other.result.current.messages).toEqual(one.result.current.messages)
  expect(one.result.current).toMatchObject({ streaming: undefined, typing: false, error: undefined })

  const late = render('ada', () => useAssistant(id))
  await late.gives({ status: 'joined', messages: { length: 2 } })
  expect(late.result.current.messages).toEqual(one.result.current.messages)

  await owner.fetch(`/api/conversations/${id}/participants/grace`, { method: 'PUT' })
  const typing = render('ada', () => ({ ...useTyping({ conversationId: id }), present: usePresence({ roomId: `conversation:${id}` }).onlineCount }))
  const grace = render('grace', () => ({ ...useTyping({ conversationId: id }), present: usePresence({ roomId: `conversation:${id}` }).onlineCount }))
  await grace.gives({ present: 2 })
  const shows = (expected: object) => () => expect(typing.result.current).toMatchObject(expected)
  const graceTypes = shows({ typing: [{ userId: 'grace' }] })
  const nobodyTypes = shows({ typing: { length: 0 } })
  // Who presses no key for a while doesn't type any more: on a busy machine that may be before it is seen.
  await eventually(() => {
    grace.result.current.start()
    graceTypes()
  })
  grace.result.current.stop()
  await eventually(nobodyTypes)

  // Whoever's connection is lost isn't told of it later, but of who types then. For as long as she does without another key.
  const soon = (look: () => void) => vi.waitFor(look, { timeout: 3_000, interval: 20 })
  await eventually(async () => {
    typing.client.connect()
    grace.result.current.stop()
    grace.result.current.start()
    await soon(graceTypes)
    typing.client.disconnect()
    await soon(nobodyTypes)
    typing.client.connect()
    await soon(graceTypes)
  })
  // It ends by itself.
  await eventually(nobodyTypes)
})

test('messages of a platform come into the inbox', { timeout: 60_000 }, async () => {
  const user = `mia-${Date.now()}`
  const bring = (number: number) =>
    server.bring('telegram', {
      userId: user,
      externalConversationId: 'c1',
      externalMessageId: `m${number}`,
      sender: { id: 'leo', name: 'Leo' },
      text: `Message ${number}`,
      sentAt: new Date().toISOString(),
    })
  await bring(1)
  const inbox = render(user, () => useInbox())
  await inbox.gives({ status: 'joined', conversations: [{ platform: 'telegram', lastMessage: 'Message 1' }], unreadCounts: { telegram: 1 }, totalUnread: 1 })
  const { id: conversationId } = inbox.result.current.conversations[0]!

  const open = render(user, () => useInbox({ conversationId }))
  await open.gives({ status: 'joined', messages: [{ text: 'Message 1' }] })
  await bring(2)
  // It has arrived in a page, so it was delivered.
  await open.gives({ messages: [{ text: 'Message 1' }, { text: 'Message 2', status: 'delivered' }], totalUnread: 2 })
  await inbox.gives({ messages: [{ text: 'Message 2' }], conversations: [{ lastMessage: 'Message 2', unreadCount: 2 }] })

  await open.result.current.markRead({ messageId: open.result.current.messages[0]!.id })
  await inbox.gives({ totalUnread: 1 })
  await open.result.current.markRead({ conversationId })
  await open.gives({ messages: [{ status: 'read' }, { status: 'read' }], totalUnread: 0 })
  await inbox.gives({ conversations: [{ unreadCount: 0 }], totalUnread: 0 })
  await expect(open.result.current.markRead({ messageId: 'nobody' })).rejects.toMatchObject({ code: 'NOT_FOUND' })
})

test('stories of a project are followed by those who take part in it', { timeout: 60_000 }, async () => {
  const owner = clientOf('ada')
  const { id: projectId } = await post<{ id: string }>(owner, '/api/projects', { name: 'Hooks' })
  await owner.fetch(`/api/projects/${projectId}/members/grace`, { method: 'PUT', headers: { 'content-type': 'application/json' }, body: '{"role":"storyteller"}' })
  const upload = (title: string) => {
    const part = (name: string, value: string) => `--edge\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`
    return post<{ id: string }>(owner, `/api/projects/${projectId}/stories`, `${part('title', title)}${part('text', 'Once upon a time')}--edge--\r\n`, { 'content-type': 'multipart/form-data; boundary=edge' })
  }
  const { id: storyId } = await upload('First')
  const grace = render('grace', () => useStories(projectId, { storyId }))
  await grace.gives({ status: 'joined', stories: [{ title: 'First' }] })
  await upload('Second')
  await grace.gives({ stories: [{ title: 'Second', status: 'processed', wordCount: 4 }, { title: 'First', status: 'processed' }] })
  await owner.fetch(`/api/stories/${storyId}/transcript`, { method: 'PUT', headers: { 'content-type': 'application/json' }, body: '{"transcript":"Twice upon a time"}' })
  await grace.gives({ stories: [{}, { transcript: 'Twice upon a time' }] })
  const { id } = await post<{ id: string }>(owner, `/api/stories/${storyId}/interactions`, { type: 'question', content: 'Why?' })
  await grace.gives({ interactions: [{ id, content: 'Why?', type: 'question' }] })

  const { exportId } = await post<{ exportId: string }>(owner, `/api/projects/${projectId}/exports`, { format: 'json' })
  await grace.gives({ exports: [{ exportId, status: 'ready', format: 'json', progress: 1 }] })
  const late = render('grace', () => useStories(projectId))
  await late.gives({ exports: [{ exportId, status: 'ready' }] })
  const download = await late.client.fetch(late.result.current.exports[0]!.downloadUrl!)
  expect(await download.text()).toContain('Twice upon a time')

  await render('eve', () => useStories(projectId)).gives({ status: 'refused', error: { code: 'PROJECT_ACCESS_DENIED' } })
})

test('a project is watched, with the sessions that began before', { timeout: 60_000 }, async () => {
  const owner = clientOf('ada')
  const { id, ingestKey } = await post<{ id: string; ingestKey: string }>(owner, '/api/projects', { name: 'Watched' })
  const key = { 'x-ingest-key': ingestKey }
  const { sessionId } = await post<{ sessionId: string }>(owner, `/api/projects/${id}/sessions`, { externalUserId: 'visitor' }, key)
  const watching = render('ada', () => useLivePreview(id))
  await watching.gives({ status: 'joined', sessions: [{ sessionId, status: 'live' }] })
  await post(owner, `/api/sessions/${sessionId}/events`, { events: [{ eventType: 'keydown', timestamp: new Date().toISOString(), keyChar: 'a' }] }, key)
  await watching.gives({ events: [{ sessionId, event: { keyChar: 'a' } }] })
  await render('grace', () => useLivePreview(id)).gives({ status: 'refused', error: { code: 'UNAUTHORIZED' } })
})
