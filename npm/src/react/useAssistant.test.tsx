// @vitest-environment jsdom
import { expect, test } from 'vitest'
import type { ChatMessage } from '../protocol.js'
import { SamewireError, type TestServer } from '../testing/index.js'
import { endWithTest, eventually, rendersOnServer, renderWithServer, testServer } from './testing/renderWithServer.js'
import { useAssistant } from './useAssistant.js'

endWithTest()

const ROOM = 'conversation:1'

const message = (id: string, role: ChatMessage['role'], content: string, incomplete = false): ChatMessage => ({
  id,
  conversationId: '1',
  role,
  content,
  incomplete,
  createdAt: '2026-01-01T00:00:00.000Z',
})

/** A server that keeps a conversation, and answers when the test says so. */
class AssistantServer {
  readonly server: TestServer = testServer()
  readonly stored: ChatMessage[] = []
  /** Reads wait for it. */
  reading: Promise<void> = Promise.resolve()
  reads = 0
  #content = ''
  #index = 0

  constructor(...stored: ChatMessage[]) {
    this.stored = stored
    this.server.onRequest('GET /api/conversations/1/messages', async () => {
      this.reads += 1
      const messages = [...this.stored]
      await this.reading
      return { messages }
    })
    this.server.on('message:send', ({ content }) => this.ask(content))
    this.server.on('message:cancel', ({ messageId }) => this.end(messageId, true))
  }

  ask(content: string): ChatMessage {
    this.stored.push(message(`q${this.stored.length}`, 'user', content))
    return this.stored.at(-1)!
  }

  begin(messageId: string): void {
    this.#content = ''
    this.#index = 0
    this.server.deliver(ROOM, 'ai:typing:start', { conversationId: '1', messageId })
  }

  chunk(messageId: string, chunk: string): void {
    this.#content += chunk
    this.server.deliver(ROOM, 'message:chunk', { conversationId: '1', messageId, index: this.#index, chunk, content: this.#content })
    this.#index += 1
  }

  end(messageId: string, incomplete = false): ChatMessage {
    const answer = message(messageId, 'assistant', this.#content, incomplete)
    const userMessage = this.stored.filter(({ role }) => role === 'user').at(-1)!
    this.stored.push(answer)
    this.server.deliver(ROOM, 'ai:typing:stop', { conversationId: '1', messageId })
    this.server.deliver(ROOM, 'message:complete', { conversationId: '1', userMessage, assistantMessage: answer })
    return answer
  }
}

async function conversation(assistant = new AssistantServer()) {
  const rendered = renderWithServer(() => useAssistant('1'), assistant)
  await rendered.gives({ status: 'joined' })
  const texts = () => rendered.result.current.messages.map(({ content }) => content)
  const says = (...expected: string[]) => eventually(() => expect(texts()).toEqual(expected))
  return { ...rendered, assistant, texts, says }
}

test('shows what was said, then an answer as it comes in', async () => {
  const { result, assistant, says, gives } = await conversation(new AssistantServer(message('0', 'user', 'Hello'), message('1', 'assistant', 'Hello!')))
  await says('Hello', 'Hello!')
  const sent = result.current.send('How are you?')
  await says('Hello', 'Hello!', 'How are you?')
  expect(await sent).toMatchObject({ id: 'q2', content: 'How are you?' })

  assistant.begin('a')
  await gives({ typing: true, streaming: undefined })
  assistant.chunk('a', 'Fine, ')
  await gives({ streaming: { messageId: 'a', content: 'Fine, ' } })
  assistant.chunk('a', 'thanks')
  await gives({ typing: true, streaming: { content: 'Fine, thanks' } })
  assistant.end('a')
  await gives({ typing: false, streaming: undefined })
  await says('Hello', 'Hello!', 'How are you?', 'Fine, thanks')
  expect(assistant.reads).toBe(1)
})

test('what one says is shown at once, and taken back when it is refused', async () => {
  const { result, server, assistant, says, gives } = await conversation()
  const admit = server.refuse('message:send', 'RATE_LIMIT_EXCEEDED', 'slow down')
  server.freeze()
  const refused = expect(result.current.send('Hi')).rejects.toMatchObject({ code: 'RATE_LIMIT_EXCEEDED' })
  await says('Hi')
  server.thaw()
  await refused
  await gives({ messages: [], error: { code: 'RATE_LIMIT_EXCEEDED' } })
  admit()
  await result.current.send('Hi')
  await gives({ messages: [{ id: assistant.stored[0]!.id, content: 'Hi' }], error: undefined })
})

test('who comes in the middle of an answer sees all of it', async () => {
  const assistant = new AssistantServer(message('q', 'user', 'Tell me a story'))
  // How things stand is told to who joins, and has no place in the room's log.
  const told = (server: TestServer) => {
    server.send('ai:typing:start', { conversationId: '1', messageId: 'a' })
    server.send('message:chunk', { conversationId: '1', messageId: 'a', index: 1, chunk: 'Once upon', content: 'Once upon' })
    server.send('message:chunk', { conversationId: 'another', messageId: 'b', index: 1, chunk: 'x', content: 'x' })
  }
  const { gives, server } = await conversation(assistant)
  told(server)
  await gives({ typing: true, streaming: { messageId: 'a', content: 'Once upon' } })
  server.deliver(ROOM, 'message:chunk', { conversationId: '1', messageId: 'a', index: 1, chunk: 'on', content: 'Once upon' })
  server.deliver(ROOM, 'message:chunk', { conversationId: '1', messageId: 'a', index: 2, chunk: ' a time', content: 'Once upon a time' })
  await gives({ streaming: { content: 'Once upon a time' } })
})

test('an answer that comes while the history is read is neither lost nor shown twice', async () => {
  const assistant = new AssistantServer(message('q', 'user', 'Tell me a story'))
  let letRead = () => {}
  assistant.reading = new Promise((resolve) => (letRead = resolve))
  const { gives, result } = renderWithServer(() => useAssistant('1'), assistant)
  await eventually(() => expect(assistant.reads).toBe(1))
  assistant.begin('a')
  assistant.chunk('a', 'Once')
  await gives({ status: 'joining', streaming: { content: 'Once' } })
  assistant.chunk('a', ' upon')
  letRead()
  await gives({ status: 'joined', streaming: { content: 'Once upon' }, messages: [{ id: 'q' }] })
  assistant.end('a')
  await gives({ streaming: undefined, messages: [{ id: 'q' }, { id: 'a', content: 'Once upon' }] })
  expect(result.current.messages).toHaveLength(2)
})

test('an answer that is whole before the history is read isn’t lost', async () => {
  const assistant = new AssistantServer(message('q', 'user', 'Tell me a story'))
  let letRead = () => {}
  assistant.reading = new Promise((resolve) => (letRead = resolve))
  const { gives } = renderWithServer(() => useAssistant('1'), assistant)
  await eventually(() => expect(assistant.reads).toBe(1))
  assistant.begin('a')
  assistant.chunk('a', 'Once')
  assistant.end('a')
  await gives({ status: 'joining', messages: [{ id: 'q' }, { id: 'a' }] })
  letRead()
  await gives({ status: 'joined', streaming: undefined, messages: [{ id: 'q' }, { id: 'a', content: 'Once' }] })
})

test('an answer that ends while the history is read isn’t shown as one that goes on', async () => {
  const assistant = new AssistantServer(message('q', 'user', 'Tell me a story'))
  const { server, gives } = await conversation(assistant)
  assistant.begin('a')
  assistant.chunk('a', 'Once')
  await gives({ streaming: { content: 'Once' } })
  server.reachable = false
  server.drop()
  assistant.stored.push(message('a', 'assistant', 'Once upon a time'))
  server.restart()
  server.reachable = true
  await gives({ typing: false, streaming: undefined, messages: [{ id: 'q' }, { content: 'Once upon a time' }] })
})

test('a lost connection in the middle of an answer leaves no hole in it', async () => {
  const { result, server, assistant, gives, says } = await conversation()
  await result.current.send('Hi')
  assistant.begin('a')
  assistant.chunk('a', 'One ')
  await gives({ streaming: { content: 'One ' } })
  server.drop()
  assistant.chunk('a', 'two ')
  assistant.chunk('a', 'three')
  await gives({ streaming: { content: 'One two three' } })
  server.drop()
  assistant.end('a')
  await says('Hi', 'One two three')
})

test('an answer that the server begins anew is shown from its beginning', async () => {
  const { result, assistant, gives } = await conversation()
  await result.current.send('Hi')
  assistant.begin('a')
  for (const word of ['One ', 'two ', 'three']) assistant.chunk('a', word)
  await gives({ streaming: { content: 'One two three' } })
  assistant.begin('a')
  assistant.chunk('a', 'Uno ')
  await gives({ streaming: { content: 'Uno ' } })
})

test('two tabs show the same, the question that was asked in the other one too', async () => {
  const assistant = new AssistantServer()
  const [one, other] = [await conversation(assistant), await conversation(assistant)]
  await one.result.current.send('Who sees this?')
  assistant.begin('a')
  assistant.chunk('a', 'Both')
  await one.gives({ streaming: { content: 'Both' } })
  await other.gives({ streaming: { content: 'Both' }, messages: [{ content: 'Who sees this?' }] })
  assistant.end('a')
  await other.says('Who sees this?', 'Both')
  await one.says('Who sees this?', 'Both')
  expect(other.result.current.messages).toEqual(one.result.current.messages)
})

test('an answer is stopped, and what there is of it is kept', async () => {
  const { result, assistant, gives } = await conversation()
  await result.current.cancel()
  await result.current.send('Hi')
  assistant.begin('a')
  assistant.chunk('a', 'Well, ')
  await gives({ streaming: { content: 'Well, ' } })
  await result.current.cancel()
  await gives({ typing: false, streaming: undefined, messages: [{ content: 'Hi' }, { content: 'Well, ', incomplete: true }], error: undefined })
})

test('a question whose answer hasn’t begun can be taken back', async () => {
  const { result, server, gives } = await conversation()
  const { id } = await result.current.send('Hi')
  await result.current.cancel()
  expect(server.emits.at(-1)).toMatchObject({ event: 'message:cancel', payload: { conversationId: '1', messageId: id } })
  await gives({ typing: false, streaming: undefined })
})

test('an answer that breaks off is kept as far as it came, and says why', async () => {
  const { result, assistant, server, gives } = await conversation()
  await result.current.send('Hi')
  assistant.begin('a')
  assistant.chunk('a', 'Well, ')
  server.deliver(ROOM, 'ai:typing:stop', { conversationId: '1', messageId: 'a' })
  server.deliver(ROOM, 'message:error', { conversationId: '1', messageId: 'a', code: 'AI_UNAVAILABLE', message: 'no more' })
  await gives({ typing: false, streaming: undefined, messages: [{ content: 'Hi' }, { content: 'Well, ', incomplete: true }], error: { code: 'AI_UNAVAILABLE' } })
  assistant.begin('b')
  await gives({ error: undefined })
})

test('a long conversation is read page by page; one that can’t be read says why', async () => {
  const server = testServer()
  server.onRequest('GET /api/conversations/1/messages', ({ query }) => {
    const after = Number(query.get('after') ?? 0)
    return { messages: [message(`${after}`, 'user', `page ${after}`)], ...(after < 2 && { next: `${after + 1}` }) }
  })
  const { says } = await conversation({ server } as AssistantServer)
  await says('page 0', 'page 1', 'page 2')

  const other = testServer()
  other.onRequest('GET /api/conversations/1/messages', () => {
    throw new SamewireError('ACCESS_DENIED', 'not yours')
  })
  await renderWithServer(() => useAssistant('1'), { server: other }).gives({ status: 'refused', error: { code: 'ACCESS_DENIED', message: 'not yours' } })
})

test('messages stay the same array while an answer comes in, which a burst shows once', async () => {
  const { result, assistant, gives, rendersForBurst } = await conversation()
  await result.current.send('Hi')
  assistant.begin('a')
  await gives({ typing: true })
  const { messages } = result.current
  expect(await rendersForBurst((count) => assistant.chunk('a', `${count} `))).toBe(1)
  expect(result.current.streaming?.content).toMatch(/ 200 $/)
  expect(result.current.messages).toBe(messages)
})

test('leaves nothing behind, and is idle without a conversation and on a server', async () => {
  const { leavesNothing } = await conversation()
  await leavesNothing()
  expect(renderWithServer(() => useAssistant(undefined)).result.current).toMatchObject({ status: 'idle', messages: [] })
  expect(rendersOnServer(() => useAssistant('1')).result).toMatchObject({ messages: [], streaming: undefined, typing: false, status: 'idle', error: undefined })
})
