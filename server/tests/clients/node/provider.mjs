// A provider of the assistant, as the tests need one: a real HTTP server that speaks OpenAI's streaming
// protocol, well or badly.
import { EventEmitter, once } from 'node:events'
import { createServer } from 'node:http'
import { WAIT_MS, next } from './client.mjs'

/** An event of a stream, as it is written. */
export const event = (data) => `data: ${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`

/** An event with a part of an answer. */
export const delta = (content, more = {}) =>
  event({ id: 'chatcmpl-1', object: 'chat.completion.chunk', choices: [{ index: 0, delta: { content }, finish_reason: null, ...more }] })

/** How a stream ends in good order. */
export const end = (reason = 'stop') => event({ choices: [{ index: 0, delta: {}, finish_reason: reason }] }) + event('[DONE]')

/**
 * A provider that answers each request by `script(response, request)`, which may be set anew. `requests`
 * are those that came: `{ url, headers, body, ended }`, `ended` a promise that settles once the
 * connection has gone; `asked(count)` waits until so many have come.
 */
export async function startProvider(t) {
  const provider = { requests: [], script: (response) => streamed(response).end(delta('Yes.') + end()) }
  const heard = new EventEmitter()
  provider.asked = async (count) => {
    const signal = AbortSignal.timeout(WAIT_MS)
    while (provider.requests.length < count) await once(heard, 'request', { signal })
  }
  const listener = createServer(async (request, response) => {
    let text = ''
    for await (const part of request.setEncoding('utf8')) text += part
    const asked = { url: request.url, headers: request.headers, body: JSON.parse(text), ended: once(response, 'close') }
    provider.requests.push(asked)
    provider.script(response, asked)
    heard.emit('request')
  })
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  t.after(() => {
    listener.closeAllConnections()
    listener.close()
  })
  provider.url = `http://127.0.0.1:${listener.address().port}/v1`
  return provider
}

/** A response that streams. */
export function streamed(response) {
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' })
  response.flushHeaders()
  return response
}

/** Writes, and waits until the system has taken it. */
export const write = (response, part) => new Promise((resolve) => response.write(part, resolve))

/** Does so with a pause after each part, so that each is a packet of its own. */
export async function writeSlowly(response, parts, pauseMs) {
  for (const part of parts) {
    await write(response, part)
    await new Promise((resolve) => setTimeout(resolve, pauseMs))
  }
}

/** Has a provider say one word after the other, each once a client has been told the one before. */
export async function told(socket, response, words) {
  for (const word of words) {
    const heard = next(socket, 'message:chunk', ({ chunk }) => chunk === word)
    await write(response, delta(word))
    await heard
  }
}
