// What the assistant answers, who is an echo here or says what a test has it say. A real provider's ways are
// in assistant-provider.test.mjs.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { call } from './api.mjs'
import { ask, next, record, signedIn } from './client.mjs'
import { answerEvents, begin } from './conversation.mjs'
import { end, startProvider, streamed, told } from './provider.mjs'
import { startServer } from './server.mjs'
import { TIME } from './stories.mjs'

const NOTICE = 'This is an echo: no assistant is connected (OPENAI_API_KEY is not set). You said: '

let server
before(async () => {
  server = await startServer({ env: { RATE_LIMIT_MAX: '100000' } })
})
after(() => server.stop())

const messages = async (user, id, on = server) => {
  const { status, body } = await call(on, 'GET', `/api/conversations/${id}/messages`, { as: user })
  assert.equal(status, 200)
  return body.messages
}

/** A server whose assistant says no more than a test has it say: nothing hangs on how fast anything is. */
async function dictated(t) {
  const provider = await startProvider(t)
  let answer
  provider.script = (response) => (answer = streamed(response))
  const server = await startServer({ env: { RATE_LIMIT_MAX: '100000', OPENAI_API_KEY: 'key', OPENAI_BASE_URL: provider.url } })
  t.after(() => server.stop())
  return {
    server,
    /** Says one word after the other, each once a client has heard the one before. */
    async say(socket, ...words) {
      await provider.asked(1)
      await told(socket, answer, words)
    },
    end: () => answer.end(end()),
  }
}

describe('an answer', () => {
  test('is streamed: typing, chunks that add up, and the whole, which is what is stored', async (t) => {
    const socket = await signedIn(t, server, 'anna')
    const id = await begin(socket)
    const { data: joined } = await ask(socket, 'join:conversation', { conversationId: id })
    assert.equal(joined.room, `conversation:${id}`)
    const seen = record(socket)
    const complete = next(socket, 'message:complete')
    const { ok, data: question } = await ask(socket, 'message:send', { conversationId: id, content: 'Hello AI!' })
    assert.equal(ok, true)
    assert.deepEqual(Object.keys(question).sort(), ['content', 'conversationId', 'createdAt', 'id', 'incomplete', 'role'])
    assert.deepEqual([question.content, question.role, question.incomplete, question.conversationId], ['Hello AI!', 'user', false, id])
    assert.match(question.createdAt, TIME)
    const [{ assistantMessage }] = await complete

    const events = answerEvents(seen)
    assert.deepEqual([events[0][0], events.at(-2)[0], events.at(-1)[0]], ['ai:typing:start', 'ai:typing:stop', 'message:complete'])
    const messageId = assistantMessage.id
    for (const at of [0, -2]) assert.deepEqual(events.at(at)[1], { conversationId: id, messageId })
    let content = ''
    const chunks = events.slice(1, -2)
    assert.ok(chunks.length > 3, `${chunks.length} chunks`)
    for (const [index, [name, chunk]] of chunks.entries()) {
      assert.equal(name, 'message:chunk')
      content += chunk.chunk
      assert.deepEqual(chunk, { conversationId: id, messageId, index, chunk: chunk.chunk, content })
    }
    assert.equal(content, `${NOTICE}Hello AI!`)
    const { createdAt } = assistantMessage
    assert.match(createdAt, TIME)
    assert.deepEqual(events.at(-1)[1], {
      conversationId: id,
      userMessage: question,
      assistantMessage: { id: messageId, conversationId: id, role: 'assistant', content, incomplete: false, createdAt },
    })
    // Each has the next place in the room's log.
    assert.deepEqual(events.map(([, , meta]) => meta.offset), events.map((_, n) => joined.position.offset + 1 + n))
    assert.ok(events.every(([, , meta]) => meta.room === `conversation:${id}`))
    assert.deepEqual(await messages('anna', id), [question, assistantMessage])
  })

  test('is heard by who asked, without having joined before', async (t) => {
    const socket = await signedIn(t, server, 'anna')
    const id = await begin(socket)
    const complete = next(socket, 'message:complete')
    await ask(socket, 'message:send', { conversationId: id, content: 'Hello AI!' })
    assert.equal((await complete)[0].assistantMessage.content, `${NOTICE}Hello AI!`)
  })

  test('comes for each question in turn, however fast they are asked', async (t) => {
    const socket = await signedIn(t, server, 'anna')
    const id = await begin(socket)
    await ask(socket, 'join:conversation', id)
    const seen = record(socket)
    const last = next(socket, 'message:complete', ({ userMessage }) => userMessage.content === '3')
    const questions = await Promise.all(['1', '2', '3'].map((content) => ask(socket, 'message:send', { conversationId: id, content })))
    await last
    const complete = seen.filter(([name]) => name === 'message:complete')
    assert.deepEqual(complete.map(([, { userMessage }]) => userMessage), questions.map(({ data }) => data))
    // One at a time: nothing of the next before the one is whole.
    const ids = answerEvents(seen).map(([, payload]) => payload.messageId ?? payload.assistantMessage.id)
    assert.equal(ids.filter((answer, at) => answer !== ids[at - 1]).length, 3)
    const stored = await messages('anna', id)
    assert.deepEqual(stored.map(({ role }) => role), ['user', 'assistant', 'user', 'assistant', 'user', 'assistant'])
    assert.deepEqual(stored.filter(({ role }) => role === 'user').map(({ content }) => content), ['1', '2', '3'])
  })

  test('is seen whole by two tabs, and by who joins in the middle of it', async (t) => {
    const assistant = await dictated(t)
    const [one, two, late] = await Promise.all([1, 2, 3].map(() => signedIn(t, assistant.server, 'anna')))
    const id = await begin(one)
    for (const socket of [one, two]) await ask(socket, 'join:conversation', id)
    const seen = [one, two, late].map(record)
    const complete = [one, two, late].map((socket) => next(socket, 'message:complete'))
    await ask(one, 'message:send', { conversationId: id, content: 'Tell me' })
    await assistant.say(two, 'One ', 'word ', 'and ', 'another ', 'and ', 'one ')
    assert.equal((await ask(late, 'join:conversation', id)).ok, true)
    await assistant.say(late, 'more ', 'and ', 'an ', 'end.')
    assistant.end()
    const [whole] = (await Promise.all(complete)).map(([payload]) => payload)
    const [atOne, atTwo, atLate] = seen.map(answerEvents)
    assert.deepEqual(atOne, atTwo)
    assert.equal(atOne.filter(([name]) => name === 'message:chunk').map(([, { chunk }]) => chunk).join(''), whole.assistantMessage.content)
    // How things stand, without a place in the log; then the log.
    assert.equal(atLate[0][0], 'ai:typing:start')
    assert.equal(atLate[0].length, 2)
    const [name, first, meta] = atLate[1]
    assert.equal(name, 'message:chunk')
    assert.equal(meta, undefined)
    assert.equal(first.chunk, first.content)
    assert.equal(first.index, 5)
    assert.ok(whole.assistantMessage.content.startsWith(first.content))
    const rest = atLate.slice(2)
    assert.deepEqual(rest, atOne.slice(-rest.length))
    const chunks = atLate.filter(([event]) => event === 'message:chunk').map(([, payload]) => payload)
    assert.deepEqual(chunks.map(({ index }) => index), chunks.map((_, n) => first.index + n))
    assert.equal(chunks.map(({ chunk }) => chunk).join(''), whole.assistantMessage.content)
  })

  test('that is cancelled keeps what there is', async (t) => {
    const assistant = await dictated(t)
    const [one, two] = [await signedIn(t, assistant.server, 'anna'), await signedIn(t, assistant.server, 'anna')]
    const id = await begin(one)
    for (const socket of [one, two]) await ask(socket, 'join:conversation', id)
    const seen = record(two)
    const chunk = next(one, 'message:chunk')
    const over = next(two, 'message:complete')
    await ask(one, 'message:send', { conversationId: id, content: 'A long tale, please' })
    await assistant.say(one, 'A ', 'long ', 'tale ', 'of ')
    const [{ messageId }] = await chunk
    const { ok, data } = await ask(one, 'message:cancel', { conversationId: id, messageId })
    assert.equal(ok, true)
    assert.deepEqual([data.id, data.role, data.content, data.incomplete], [messageId, 'assistant', 'A long tale of ', true])
    const [{ assistantMessage }] = await over
    assert.deepEqual(assistantMessage, data)
    const chunks = answerEvents(seen).filter(([name]) => name === 'message:chunk')
    assert.equal(chunks.map(([, { chunk }]) => chunk).join(''), data.content)
    assert.equal(answerEvents(seen).at(-2)[0], 'ai:typing:stop')
    assert.deepEqual((await messages('anna', id, assistant.server))[1], data)
    // A second time changes nothing.
    assert.deepEqual(await ask(one, 'message:cancel', { conversationId: id, messageId }), { ok: true, data })
  })

  test('that waits for another is cancelled at once, by its question', async (t) => {
    const { server } = await dictated(t)
    const socket = await signedIn(t, server, 'anna')
    const id = await begin(socket)
    await ask(socket, 'message:send', { conversationId: id, content: 'A long tale, please' })
    const { data: second } = await ask(socket, 'message:send', { conversationId: id, content: 'And another' })
    const over = next(socket, 'message:complete')
    const { data } = await ask(socket, 'message:cancel', { conversationId: id, messageId: second.id })
    assert.deepEqual([data.content, data.incomplete], ['', true])
    const [{ userMessage, assistantMessage }] = await over
    assert.deepEqual([userMessage, assistantMessage], [second, data])
  })

  test('to a named emit that is repeated comes once', async (t) => {
    const socket = await signedIn(t, server, 'anna')
    const id = await begin(socket)
    const over = next(socket, 'message:complete')
    const meta = { id: crypto.randomUUID() }
    const first = await ask(socket, 'message:send', { conversationId: id, content: 'Once' }, meta)
    assert.deepEqual(await ask(socket, 'message:send', { conversationId: id, content: 'Once' }, meta), first)
    await over
    assert.equal((await messages('anna', id)).length, 2)
  })
})

describe("a user's questions", () => {
  test('one more than may be unanswered at once is refused', async (t) => {
    const { server } = await dictated(t)
    const socket = await signedIn(t, server, 'dora')
    const id = await begin(socket)
    const answers = []
    for (let n = 0; n < 9; n++) {
      answers.push(await ask(socket, 'message:send', { conversationId: id, content: 'A long tale, please' }))
    }
    assert.deepEqual(answers.map(({ ok }) => ok), [...Array(8).fill(true), false])
    const { error } = answers[8]
    assert.equal(error.code, 'RATE_LIMIT_EXCEEDED')
    assert.ok(error.retryAfterMs >= 1)
    const over = next(socket, 'message:complete')
    await ask(socket, 'message:cancel', { conversationId: id, messageId: answers[0].data.id })
    await over
    assert.equal((await ask(socket, 'message:send', { conversationId: id, content: 'Now' })).ok, true)
    await ask(socket, 'conversation:delete', { conversationId: id })
  })

  test('one more may be asked once the answer before is whole', async (t) => {
    const one = await startServer({ env: { RATE_LIMIT_MAX: '100000', ASSISTANT_ANSWERS_PER_USER: '1' } })
    t.after(() => one.stop())
    const socket = await signedIn(t, one, 'anna')
    const id = await begin(socket)
    await ask(socket, 'join:conversation', id)
    for (let n = 0; n < 20; n++) {
      const over = next(socket, 'message:complete')
      const { ok, error } = await ask(socket, 'message:send', { conversationId: id, content: 'Hi' })
      assert.ok(ok, JSON.stringify(error))
      await over
    }
  })
})
