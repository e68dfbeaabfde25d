// The assistant's answers from a real HTTP server that speaks OpenAI's streaming protocol: well, slowly,
// badly, and not at all.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { call } from './api.mjs'
import { ask, next, record, signedIn } from './client.mjs'
import { delta, end, event, startProvider, streamed, told, write, writeSlowly } from './provider.mjs'
import { startServer } from './server.mjs'

const KEY = 'sk-the-key-of-the-provider'

/** A server with a provider, and a user in a conversation. */
async function conversation(t, env = {}) {
  const provider = await startProvider(t)
  const server = await startServer({
    env: { RATE_LIMIT_MAX: '100000', OPENAI_API_KEY: KEY, OPENAI_BASE_URL: provider.url, OPENAI_MODEL: 'model-1', ...env },
  })
  t.after(() => server.stop())
  const socket = await signedIn(t, server, 'anna')
  const { data } = await ask(socket, 'conversation:create', { title: 'Questions' })
  const conversationId = data.id
  await ask(socket, 'join:conversation', conversationId)
  const seen = record(socket)
  const of = (name) => seen.filter(([event]) => event === name).map(([, payload]) => payload)
  return {
    provider, server, socket, conversationId, seen,
    chunks: () => of('message:chunk'),
    ask: (content) => ask(socket, 'message:send', { conversationId, content }),
    /** How the next answer ends: `[name, payload]`. */
    ends: () => Promise.race(['message:complete', 'message:error'].map(async (name) => [name, (await next(socket, name))[0]])),
    /** All that is stored. */
    async stored() {
      const { body } = await call(server, 'GET', `/api/conversations/${conversationId}/messages`, { as: 'anna' })
      return body.messages
    },
  }
}

/** Asks, and gives how that ends. */
async function answered(on, content = 'And?') {
  const ends = on.ends()
  assert.equal((await on.ask(content)).ok, true)
  return ends
}

/** An answer that broke off: with this code, this of it kept, and all told in the right order. */
async function brokeOff(on, ended, { code = 'AI_UNAVAILABLE', message, content }) {
  const [name, error] = ended
  assert.equal(name, 'message:error', JSON.stringify(error))
  assert.deepEqual(Object.keys(error).sort(), ['code', 'conversationId', 'message', 'messageId'])
  assert.equal(error.code, code)
  assert.match(error.message, message)
  const [, answer] = await on.stored()
  assert.deepEqual([answer.id, answer.role, answer.content, answer.incomplete], [error.messageId, 'assistant', content, true])
  assert.equal(on.chunks().map(({ chunk }) => chunk).join(''), content)
  const told = on.seen.map(([event]) => event).filter((event) => /^(ai:|message:)/.test(event))
  assert.deepEqual([told[0], ...told.slice(-2)], ['ai:typing:start', 'ai:typing:stop', 'message:error'])
}

const complete = ([name, payload]) => {
  assert.equal(name, 'message:complete', JSON.stringify(payload))
  return payload.assistantMessage
}

describe('a provider that answers well', () => {
  test('is asked with the key, the model and the whole conversation', async (t) => {
    const on = await conversation(t)
    assert.equal(complete(await answered(on, 'What grows in the shade?')).content, 'Yes.')
    on.provider.script = (response) => streamed(response).end(delta('Ferns') + delta(', hostas.') + end())
    const answer = complete(await answered(on, 'Such as?'))
    assert.deepEqual([answer.content, answer.incomplete], ['Ferns, hostas.', false])
    const [{ url, headers, body }] = on.provider.requests
    assert.equal(url, '/v1/chat/completions')
    assert.equal(headers.authorization, `Bearer ${KEY}`)
    assert.deepEqual(body, { model: 'model-1', messages: [{ role: 'user', content: 'What grows in the shade?' }], stream: true })
    assert.deepEqual(on.provider.requests[1].body.messages, [
      { role: 'user', content: 'What grows in the shade?' },
      { role: 'assistant', content: 'Yes.' },
      { role: 'user', content: 'Such as?' },
    ])
    assert.deepEqual((await on.stored()).map(({ content }) => content), ['What grows in the shade?', 'Yes.', 'Such as?', 'Ferns, hostas.'])
  })

  test('is sent as much of the conversation as has place within the tokens', async (t) => {
    const on = await conversation(t, { ASSISTANT_CONTEXT_TOKENS: '60' })
    for (const n of [1, 2, 3]) complete(await answered(on, `Question ${n} ${'and so on '.repeat(8)}`))
    const asked = on.provider.requests.at(-1).body.messages.map(({ content }) => content.slice(0, 10))
    assert.deepEqual(asked, ['Question 2', 'Yes.', 'Question 3'])
    const { error } = await on.ask('x'.repeat(241))
    assert.deepEqual([error.code, error.message], ['INVALID_PAYLOAD', 'content: expected at most 60 tokens'])
  })

  test('slowly: each word is told when it comes, and who joins between two words sees all so far', async (t) => {
    const on = await conversation(t)
    let go
    const gone = new Promise((resolve) => (go = resolve))
    on.provider.script = async (response) => {
      await told(on.socket, streamed(response), ['Slow', 'ly', ' but'])
      await gone
      response.end(delta(' surely.') + end())
    }
    const third = next(on.socket, 'message:chunk', ({ index }) => index === 2)
    await on.ask('How?')
    await third
    assert.deepEqual(on.chunks().map(({ chunk, content }) => [chunk, content]), [['Slow', 'Slow'], ['ly', 'Slowly'], [' but', 'Slowly but']])
    const late = await signedIn(t, on.server, 'anna')
    const [typing, state] = [next(late, 'ai:typing:start'), next(late, 'message:chunk')]
    await ask(late, 'join:conversation', on.conversationId)
    assert.equal((await typing)[0].conversationId, on.conversationId)
    assert.deepEqual((await state)[0], { ...on.chunks()[2], chunk: 'Slowly but' })
    const over = next(late, 'message:complete')
    go()
    assert.equal((await over)[0].assistantMessage.content, 'Slowly but surely.')
    // Once it is over, who joins isn't sent it any more.
    const later = await signedIn(t, on.server, 'anna')
    const seen = record(later)
    await ask(later, 'join:conversation', on.conversationId)
    await ask(later, 'ping', {})
    assert.deepEqual(seen.map(([name]) => name).filter((name) => /^(ai:|message:)/.test(name)), [])
  })

  test('who comes back in the middle of an answer is sent each chunk once', async (t) => {
    const on = await conversation(t)
    let go
    const isBack = new Promise((resolve) => (go = resolve))
    on.provider.script = async (response) => {
      const words = Array.from({ length: 30 }, (_, n) => `${n} `)
      await told(on.socket, streamed(response), words.slice(0, 10))
      await isBack
      await told(on.socket, response, words.slice(10))
      response.end(end())
    }
    const { data: { position } } = await ask(on.socket, 'room:join', `conversation:${on.conversationId}`)
    const tenth = next(on.socket, 'message:chunk', ({ index }) => index === 9)
    const over = on.ends()
    await on.ask('Count')
    await tenth
    const resume = [{ room: `conversation:${on.conversationId}`, ...position }]
    const back = await signedIn(t, on.server, 'anna', { auth: { token: on.socket.auth.token, resume } })
    const seen = record(back)
    // What was replayed ahead of the listener is told by who heard all of it.
    const done = next(back, 'message:complete')
    go()
    const whole = complete(await over)
    await done
    const heard = on.seen.filter(([, , meta]) => meta?.room === resume[0].room)
    const again = seen.filter(([, , meta]) => meta?.room === resume[0].room)
    assert.ok(again.length > 10)
    assert.deepEqual(again, heard.slice(-again.length))
    assert.equal(on.chunks().map(({ chunk }) => chunk).join(''), whole.content)
  })

  test('fast: chunks are joined to at most 30 a second, and add up', async (t) => {
    const on = await conversation(t)
    on.provider.script = async (response) => {
      streamed(response)
      await writeSlowly(response, Array.from({ length: 200 }, (_, n) => delta(`${n % 10}`)), 2)
      for (let n = 0; n < 600; n++) await write(response, delta(` ${n}`))
      response.end(end())
    }
    const began = performance.now()
    const { content } = complete(await answered(on, 'Count'))
    assert.equal(content, '0123456789'.repeat(20) + Array.from({ length: 600 }, (_, n) => ` ${n}`).join(''))
    assert.equal(on.chunks().map(({ chunk }) => chunk).join(''), content)
    assert.deepEqual(on.chunks().map(({ index }) => index), on.chunks().map((_, n) => n))
    // The first comes at once, and the last does not wait.
    const seconds = (performance.now() - began) / 1000
    assert.ok(on.chunks().length <= 30 * seconds + 2, `${on.chunks().length} chunks in ${seconds} s`)
  })

  test('in characters that are split over packets', async (t) => {
    const on = await conversation(t)
    on.provider.script = async (response) => {
      streamed(response)
      const bytes = Buffer.from(delta('Grüße, ') + delta('日本 ') + delta('😀!') + end())
      await writeSlowly(response, Array.from(bytes, (_, n) => bytes.subarray(n, n + 1)), 0)
      response.end()
    }
    assert.equal(complete(await answered(on)).content, 'Grüße, 日本 😀!')
  })

  test('between lines that say nothing: comments, tool calls, figures, what is no JSON', async (t) => {
    const on = await conversation(t)
    on.provider.script = (response) => {
      const toolCalls = [{ index: 0, id: 'call_1', type: 'function', function: { name: 'weather', arguments: '{"in":' } }]
      streamed(response).end([
        ': keep-alive\n\n', event({ choices: [{ index: 0, delta: { role: 'assistant', content: '' } }] }), delta('It '),
        event({ choices: [{ index: 0, delta: { tool_calls: toolCalls } }] }), event('{"choices":[{"delta":{"content":"half'), event('<html>'),
        'nonsense\n\n', 'retry: 10\n\n', event({ choices: [] }), event({ choices: [{ index: 1, delta: { content: 'another' } }] }), delta('rains.'),
        event({ choices: [], usage: { total_tokens: 7 } }), end('tool_calls'),
      ].join(''))
    }
    assert.equal(complete(await answered(on)).content, 'It rains.')
  })

  test('without saying [DONE], once it has said how it ends', async (t) => {
    const on = await conversation(t)
    on.provider.script = (response) => streamed(response).end(delta('Done.', { finish_reason: 'stop' }))
    assert.equal(complete(await answered(on)).content, 'Done.')
  })

  test('with nothing but a call for a tool: an answer without a word', async (t) => {
    const on = await conversation(t)
    on.provider.script = (response) => streamed(response).end(event({ choices: [{ index: 0, delta: { tool_calls: [] }, finish_reason: 'tool_calls' }] }) + event('[DONE]'))
    const answer = complete(await answered(on))
    assert.deepEqual([answer.content, answer.incomplete], ['', false])
    on.provider.script = (response) => streamed(response).end(delta('Now.') + end())
    complete(await answered(on, 'Go on'))
    assert.ok(on.provider.requests.at(-1).body.messages.every(({ content }) => content !== ''))
  })
})

describe('an answer breaks off, and what had arrived is kept', () => {
  test('where the stream is cut in the middle of a token', async (t) => {
    const on = await conversation(t)
    on.provider.script = async (response) => {
      streamed(response)
      await write(response, delta('Ferns, ') + delta('hos') + delta('tas and foxgloves').slice(0, -12))
      // What was written arrives before the end does.
      await next(on.socket, 'message:chunk', ({ content }) => content === 'Ferns, hos')
      response.destroy()
    }
    await brokeOff(on, await answered(on), { message: /cut in the middle/, content: 'Ferns, hos' })
  })

  test('where the stream ends before the answer does', async (t) => {
    const on = await conversation(t)
    on.provider.script = (response) => streamed(response).end(delta('Ferns, '))
    await brokeOff(on, await answered(on), { message: /cut in the middle/, content: 'Ferns, ' })
  })

  test('where the provider fails in the middle of it', async (t) => {
    const on = await conversation(t)
    on.provider.script = (response) => streamed(response).end(delta('Ferns') + event({ error: { message: `overloaded, ${KEY}` } }))
    const ended = await answered(on)
    await brokeOff(on, ended, { message: /failed in the middle/, content: 'Ferns' })
    assert.ok(!JSON.stringify(ended).includes(KEY))
  })

  test('where what comes is no UTF-8', async (t) => {
    const on = await conversation(t)
    on.provider.script = (response) => streamed(response).end(Buffer.concat([Buffer.from(delta('Ferns')), Buffer.from([0xff, 0xfe, 0x0a, 0x0a])]))
    await brokeOff(on, await answered(on), { message: /cut in the middle/, content: 'Ferns' })
  })

  test('where the provider falls silent', async (t) => {
    const on = await conversation(t, { ASSISTANT_IDLE_TIMEOUT: '300ms' })
    on.provider.script = (response) => streamed(response).write(delta('Ferns'))
    await brokeOff(on, await answered(on), { message: /fell silent/, content: 'Ferns' })
    await on.provider.requests[0].ended
  })

  test('where it never begins, however much else it says', async (t) => {
    const on = await conversation(t, { ASSISTANT_FIRST_TOKEN_TIMEOUT: '400ms' })
    on.provider.script = (response) => {
      streamed(response)
      const timer = setInterval(() => response.write(event({ choices: [{ index: 0, delta: { reasoning_content: 'hm' } }] })), 50)
      response.on('close', () => clearInterval(timer))
    }
    await brokeOff(on, await answered(on), { message: /too long to begin/, content: '' })
    await on.provider.requests[0].ended
  })

  test('where not even a head comes', async (t) => {
    const on = await conversation(t, { ASSISTANT_FIRST_TOKEN_TIMEOUT: '300ms' })
    on.provider.script = () => {}
    await brokeOff(on, await answered(on), { message: /too long to begin/, content: '' })
    await on.provider.requests[0].ended
  })

  test('where it would never end: by its length', async (t) => {
    const on = await conversation(t, { ASSISTANT_ANSWER_BYTES: '4KiB' })
    on.provider.script = async (response, { ended }) => {
      streamed(response)
      let over = false
      ended.then(() => (over = true))
      while (!over) await writeSlowly(response, [delta('for ever and ever, é ')], 1)
    }
    const ended = await answered(on)
    await on.provider.requests[0].ended
    const [, answer] = await on.stored()
    assert.ok(answer.content.length > 3000 && Buffer.byteLength(answer.content) <= 4096)
    await brokeOff(on, ended, { code: 'PAYLOAD_TOO_LARGE', message: /longer than it may be/, content: answer.content })
  })

  test('where it would never end: by what it says besides', async (t) => {
    const on = await conversation(t, { ASSISTANT_ANSWER_BYTES: '1KiB' })
    on.provider.script = async (response, { ended }) => {
      streamed(response)
      await write(response, delta('Ferns'))
      let over = false
      ended.then(() => (over = true))
      while (!over) await writeSlowly(response, [`: ${'x'.repeat(16_384)}`], 0)
    }
    const ended = await answered(on)
    await on.provider.requests[0].ended
    await brokeOff(on, ended, { code: 'PAYLOAD_TOO_LARGE', message: /longer than it may be/, content: 'Ferns' })
  })

  test('where it would never end: by its time', async (t) => {
    const on = await conversation(t, { ASSISTANT_ANSWER_TIMEOUT: '5s' })
    on.provider.script = async (response, { ended }) => {
      streamed(response)
      let over = false
      ended.then(() => (over = true))
      while (!over) await writeSlowly(response, [delta('on ')], 50)
    }
    const ended = await answered(on)
    const [, answer] = await on.stored()
    assert.match(answer.content, /^(on )+$/)
    await brokeOff(on, ended, { message: /took longer than it may/, content: answer.content })
  })

  test('where the model writes no more, and where the rest is withheld', async (t) => {
    for (const [reason, code, message] of [['length', 'PAYLOAD_TOO_LARGE', /longer than/], ['content_filter', 'AI_UNAVAILABLE', /withheld/]]) {
      const on = await conversation(t)
      on.provider.script = (response) => streamed(response).end(delta('Ferns, hos') + end(reason))
      await brokeOff(on, await answered(on), { code, message, content: 'Ferns, hos' })
    }
  })
})

describe('a provider that doesn\'t answer', () => {
  test('with 429 and Retry-After is asked again after that time', async (t) => {
    const on = await conversation(t)
    const times = []
    on.provider.script = (response) => {
      times.push(Date.now())
      if (times.length === 1) response.writeHead(429, { 'retry-after': '1' }).end('{"error":{"message":"slow down"}}')
      else streamed(response).end(delta('At last.') + end())
    }
    assert.equal(complete(await answered(on)).content, 'At last.')
    assert.equal(times.length, 2)
    assert.ok(times[1] - times[0] >= 990, `${times[1] - times[0]} ms`)
  })

  test('with 429 for longer than we wait is no more asked', async (t) => {
    const on = await conversation(t, { ASSISTANT_RETRY_TIMEOUT: '2s' })
    for (const retryAfter of ['3600', '18446744073709551615']) {
      on.provider.script = (response) => response.writeHead(429, { 'retry-after': retryAfter }).end()
      const [name, { code, message }] = await answered(on)
      assert.deepEqual([name, code], ['message:error', 'AI_UNAVAILABLE'])
      assert.match(message, /too much to do/)
    }
    assert.equal(on.provider.requests.length, 2)
  })

  test('with 429 again and again is given up within the time', async (t) => {
    const on = await conversation(t, { ASSISTANT_RETRY_TIMEOUT: '5s' })
    on.provider.script = (response) => response.writeHead(429, { 'retry-after-ms': '1000' }).end()
    await brokeOff(on, await answered(on), { message: /too much to do/, content: '' })
    assert.ok(on.provider.requests.length >= 3 && on.provider.requests.length <= 6, `${on.provider.requests.length} requests`)
  })

  test('with 500, 401 or a redirection is not asked again, and what it said is told to nobody', async (t) => {
    const on = await conversation(t)
    for (const status of [500, 401, 307]) {
      on.provider.script = (response) => response.writeHead(status, { location: on.provider.url }).end(`wrong key ${KEY}`)
      const [name, error] = await answered(on)
      assert.deepEqual([name, error.code], ['message:error', 'AI_UNAVAILABLE'])
      assert.match(error.message, new RegExp(`status ${status}`))
      assert.ok(!error.message.includes(KEY))
    }
    assert.equal(on.provider.requests.length, 3)
    // And the next question is answered.
    on.provider.script = (response) => streamed(response).end(delta('Yes.') + end())
    assert.equal(complete(await answered(on)).content, 'Yes.')
  })

  test('because it isn\'t there', async (t) => {
    const on = await conversation(t, { OPENAI_BASE_URL: 'http://127.0.0.1:1/v1' })
    const [name, error] = await answered(on)
    assert.deepEqual([name, error.code, error.message], ['message:error', 'AI_UNAVAILABLE', 'the assistant can\'t be reached'])
  })
})

test('cancelling ends the request, at whatever it waits for', async (t) => {
  const on = await conversation(t)
  const scripts = {
    'the middle of an answer': (response) => streamed(response).write(delta('Ferns')),
    'the head': () => {},
  }
  for (const [what, script] of Object.entries(scripts)) {
    on.provider.script = script
    const asked = on.provider.requests.length
    const begun = next(on.socket, what === 'the head' ? 'ai:typing:start' : 'message:chunk')
    const over = on.ends()
    await on.ask('And?')
    const [{ messageId }] = await begun
    const { data } = await ask(on.socket, 'message:cancel', { conversationId: on.conversationId, messageId })
    assert.deepEqual([data.content, data.incomplete], [what === 'the head' ? '' : 'Ferns', true])
    assert.deepEqual(complete(await over), data)
    await on.provider.requests[asked]?.ended
  }
})

test('deleting the conversation ends the request', async (t) => {
  const on = await conversation(t)
  on.provider.script = (response) => streamed(response).write(delta('Ferns'))
  const begun = next(on.socket, 'message:chunk')
  await on.ask('And?')
  await begun
  assert.equal((await ask(on.socket, 'conversation:delete', { conversationId: on.conversationId })).ok, true)
  await on.provider.requests[0].ended
})

test('so many answers are under way at once, and the others come after them', async (t) => {
  const on = await conversation(t, { ASSISTANT_ANSWERS: '2' })
  const open = []
  on.provider.script = (response) => open.push(streamed(response))
  const others = []
  for (const user of ['ben', 'carla']) {
    const socket = await signedIn(t, on.server, user)
    const { data } = await ask(socket, 'conversation:create', {})
    others.push({ over: next(socket, 'message:complete') })
    await ask(socket, 'message:send', { conversationId: data.id, content: 'And I?' })
  }
  await on.provider.asked(2)
  const ends = on.ends()
  await on.ask('And?')
  await ask(on.socket, 'ping', {})
  assert.equal(on.provider.requests.length, 2)
  open.shift().end(delta('Yes.') + end())
  await on.provider.asked(3)
  open.forEach((response) => response.end(delta('Yes.') + end()))
  complete(await ends)
  await Promise.all(others.map(({ over }) => over))
})
