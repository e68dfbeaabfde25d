// What is large is compressed for those who take it so: by long polling and by calls.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { call, token } from './api.mjs'
import { startServer } from './server.mjs'

const KEY = 'a key for back ends'
const LARGE = 'the same again and again '.repeat(4000)

let server
before(async () => {
  server = await startServer({ env: { PUBLISH_KEY: KEY } })
})
after(() => server.stop())

const tell = (data) =>
  fetch(`${server.url}/api/publish`, {
    method: 'POST',
    headers: { 'x-api-key': KEY, 'content-type': 'application/json' },
    body: JSON.stringify({ room: 'user:anna', event: 'told', data }),
  })

/** A poll, asked for with this encoding: how the answer is encoded, and what it says. */
async function poll(path, encoding) {
  const answer = await fetch(path, { headers: { 'accept-encoding': encoding } })
  assert.equal(answer.status, 200)
  return { encoded: answer.headers.get('content-encoding'), text: await answer.text() }
}

test('large payloads come compressed by long polling, small ones as they are', async () => {
  const start = `${server.url}/socket.io/?EIO=4&transport=polling`
  const { sid } = JSON.parse((await poll(start, 'gzip')).text.slice(1))
  const session = `${start}&sid=${sid}`
  await fetch(session, { method: 'POST', body: `40${JSON.stringify({ token: token('anna') })}` })
  let seen = ''
  while (!seen.includes('authenticated')) {
    const { encoded, text } = await poll(session, 'gzip')
    assert.equal(encoded, null)
    seen += text
  }
  const next = async (encoding, wanted) => {
    for (;;) {
      const polled = await poll(session, encoding)
      if (polled.text.includes('"told"')) {
        assert.ok(polled.text.includes(JSON.stringify(wanted)))
        return polled.encoded
      }
    }
  }
  for (const [data, encoding, expected] of [[LARGE, 'gzip', 'gzip'], ['small', 'gzip', null], [LARGE, 'identity', null]]) {
    await tell(data)
    assert.equal(await next(encoding, data), expected, `${data.length} bytes, ${encoding}`)
  }
})

test('large answers to calls come compressed', async () => {
  const { status } = await call(server, 'GET', '/api/openapi.json')
  assert.equal(status, 200)
  const answer = await fetch(`${server.url}/api/openapi.json`, { headers: { 'accept-encoding': 'gzip' } })
  assert.equal(answer.headers.get('content-encoding'), 'gzip')
  assert.equal((await answer.json()).openapi, '3.1.0')
})
