// Requests of long polling that are sent again, as browsers do of themselves when a connection breaks.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { ask, signedIn } from './client.mjs'
import { token } from './api.mjs'
import { pollingSession } from './raw-client.mjs'
import { startServer } from './server.mjs'

let server
before(async () => {
  server = await startServer()
})
after(() => server.stop())

/** A session that is signed in, and all that it is told until something of it `fits`. */
async function signedInByPolling(user) {
  const session = await pollingSession(server)
  let requests = 0
  const post = (frame) => session.post(frame, `post-${requests++}`)
  const hear = async (fits) => {
    for (const heard = []; ; ) {
      const response = await session.poll(`poll-${requests++}`)
      assert.equal(response.status, 200)
      for (const frame of (await response.text()).split('\x1e')) {
        if (frame === '2') await post('3')
        else heard.push(frame)
      }
      if (heard.some(fits)) return heard
    }
  }
  await post(`40${JSON.stringify({ token: token(user) })}`)
  await hear((frame) => frame.startsWith('42["authenticated"'))
  return { ...session, hear }
}

test('what was brought once is acted on once, and answered again', async (t) => {
  const ben = await signedIn(t, server, 'ben')
  await ask(ben, 'room:join', 'tea')
  const said = []
  ben.onAny((event, payload) => event === 'broadcast' && said.push(payload.data))
  const anna = await signedInByPolling('anna')
  await anna.post('420["room:join","tea"]', 'join')
  await anna.hear((frame) => frame.startsWith('430'))
  const once = '421["broadcast",{"room":"room:tea","event":"said","data":1}]'
  for (let again = 0; again < 3; again++) {
    const response = await anna.post(once, 'once')
    assert.deepEqual([response.status, await response.text()], [200, 'ok'])
  }
  await anna.post(once.replace('421', '422').replace('1}', '2}'), 'another')
  const heard = await anna.hear((frame) => frame.startsWith('432'))
  assert.equal(heard.filter((frame) => frame.startsWith('431')).length, 1)
  await ask(ben, 'ping', {})
  assert.deepEqual(said, [1, 2])
})

test('a poll whose answer is gone ends the session, for what it brought would be lost', async () => {
  const anna = await signedInByPolling('anna')
  await anna.post('420["ping",{}]', 'ping')
  assert.equal((await anna.poll('lost')).status, 200)
  const again = await anna.poll('lost')
  assert.deepEqual([again.status, await again.text()], [400, 'the answer to this poll was lost'])
  assert.equal((await anna.poll('next')).status, 400)
})

test('who names no request is served as ever', async () => {
  const anna = await pollingSession(server)
  await anna.post(`40${JSON.stringify({ token: token('anna') })}`)
  assert.equal((await anna.poll()).status, 200)
  await anna.post('420["ping",{}]')
  assert.equal((await anna.poll()).status, 200)
  assert.equal((await anna.post('421["ping",{}]')).status, 200)
})
