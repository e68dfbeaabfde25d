// A server that ends in the middle of an answer: what had arrived is kept, nobody waits for ever, and who
// waited is answered.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { call } from './api.mjs'
import { ask, next, signedIn } from './client.mjs'
import { allStored } from './database.mjs'
import { delta, end, startProvider, streamed, write } from './provider.mjs'
import { startServer } from './server.mjs'
import { until } from './stories.mjs'

const env = (provider) => ({ OPENAI_API_KEY: 'key', OPENAI_BASE_URL: provider.url })

/** A server in whose one conversation an answer is under way and another question waits. */
async function inTheMiddle(t) {
  const provider = await startProvider(t)
  const server = await startServer({ env: env(provider) })
  t.after(() => server.stop())
  const socket = await signedIn(t, server, 'anna')
  const { data: { id: conversationId } } = await ask(socket, 'conversation:create', {})
  await ask(socket, 'join:conversation', conversationId)
  provider.script = async (response) => {
    streamed(response)
    await write(response, delta('Ferns'))
    await until('what has come is stored', () => allStored(server.database).includes('Ferns'))
    await write(response, delta(', hostas'))
  }
  const second = next(socket, 'message:chunk', ({ content }) => content === 'Ferns, hostas')
  const { data: first } = await ask(socket, 'message:send', { conversationId, content: 'What grows in the shade?' })
  const { data: waiting } = await ask(socket, 'message:send', { conversationId, content: 'And in the sun?' })
  const [{ messageId }] = await second
  return { provider, server, conversationId, first, waiting, messageId }
}

const stored = async (server, id) => (await call(server, 'GET', `/api/conversations/${id}/messages`, { as: 'anna' })).body.messages

// What came last may be stored or not when a server is killed.
for (const [signal, keeps] of [['SIGKILL', ['Ferns', 'Ferns, hostas']], ['SIGTERM', ['Ferns, hostas']]]) {
  describe(`a server that ends by ${signal} in the middle of an answer`, () => {
    test('keeps what had come, tells who comes back, and answers who waited', async (t) => {
      const { provider, server, conversationId, first, waiting, messageId } = await inTheMiddle(t)
      assert.deepEqual((await stored(server, conversationId)).map(({ id }) => id), [first.id, waiting.id], 'what is under way is told in the room alone')
      await server.end(signal)
      await provider.requests[0].ended
      let answer
      provider.script = (response) => (answer = streamed(response))

      const again = await startServer({ env: env(provider), database: server.database })
      t.after(() => again.stop())
      const socket = await signedIn(t, again, 'anna')
      await provider.asked(2)
      const [failed, typing] = [next(socket, 'message:error'), next(socket, 'ai:typing:start')]
      await ask(socket, 'join:conversation', conversationId)
      const [error] = await typing.then(([{ messageId: running }]) => {
        assert.notEqual(running, messageId)
        return Promise.race([failed, Promise.resolve([undefined])])
      })
      // It was told until the next answer began: who joins now reads it.
      assert.equal(error, undefined)
      failed.catch(() => {})
      const broken = (await stored(again, conversationId)).find(({ id }) => id === messageId)
      const kept = broken.content
      assert.ok(keeps.includes(kept), kept)
      assert.deepEqual([broken.incomplete, broken.role], [true, 'assistant'])

      const over = next(socket, 'message:complete')
      answer.end(delta('Roses.') + end())
      const [{ userMessage, assistantMessage }] = await over
      assert.deepEqual([userMessage, assistantMessage.content], [waiting, 'Roses.'])
      assert.deepEqual(provider.requests[1].body.messages.map(({ content }) => content), [first.content, kept, waiting.content])
      assert.deepEqual((await stored(again, conversationId)).map(({ content }) => content), [first.content, kept, waiting.content, 'Roses.'])
    })
  })
}

test('who comes back after the server was killed in the middle of an answer is told by message:error, and asks anew', async (t) => {
  const { provider, server, conversationId, waiting, messageId } = await inTheMiddle(t)
  const before = await signedIn(t, server, 'anna')
  await ask(before, 'message:cancel', { conversationId, messageId: waiting.id })
  await server.end('SIGKILL')
  const again = await startServer({ env: env(provider), database: server.database })
  t.after(() => again.stop())
  // However they come back: by a join, or by a resume of a log that is lost.
  const byJoin = await signedIn(t, again, 'anna')
  const told = next(byJoin, 'message:error')
  await ask(byJoin, 'join:conversation', conversationId)
  const [error] = await told
  assert.deepEqual(error, { conversationId, messageId, code: 'AI_UNAVAILABLE', message: 'the server ended in the middle of the answer' })
  const byResume = await signedIn(t, again, 'anna')
  const toldToo = next(byResume, 'message:error')
  await ask(byResume, 'room:join', { room: `conversation:${conversationId}`, since: { epoch: 'lost', offset: 7 } })
  assert.deepEqual((await toldToo)[0], error)

  provider.script = (response) => streamed(response).end(delta('Roses.') + end())
  const over = next(byJoin, 'message:complete')
  await ask(byJoin, 'message:send', { conversationId, content: 'And in the sun?' })
  assert.equal((await over)[0].assistantMessage.content, 'Roses.')
  // A third time nothing of it is open any more.
  await again.end('SIGTERM')
  const last = await startServer({ env: env(provider), database: server.database })
  t.after(() => last.stop())
  const socket = await signedIn(t, last, 'anna')
  const seen = []
  socket.onAny((name) => seen.push(name))
  await ask(socket, 'join:conversation', conversationId)
  await ask(socket, 'ping', {})
  assert.deepEqual(seen.filter((name) => name.startsWith('message:')), [])
})
