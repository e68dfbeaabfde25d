// Tokens and keys are verified, never written down: not in the log of a whole run at its most
// talkative, not in an answer.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { beginSession, call, createProject, ingest, keydown, token, upload, wav } from './api.mjs'
import { ask, next, open, record, refusal, settled, signedIn } from './client.mjs'
import { allStored } from './database.mjs'
import { delta, end, event, startProvider, streamed } from './provider.mjs'
import { SECRET, startServer } from './server.mjs'
import { bring, message, sign } from './webhook.mjs'

test('secrets never stand in the log, nor in what others are told', async (t) => {
  let log = ''
  const key = 'the key of a back end'
  const webhookSecret = 'a secret of the platforms'
  const providerKey = 'sk-the-key-of-the-assistants-provider'
  const provider = await startProvider(t)
  const server = await startServer({
    env: { RUST_LOG: 'trace', PUBLISH_KEY: key, WEBHOOK_SECRET: webhookSecret, OPENAI_API_KEY: providerKey, OPENAI_BASE_URL: provider.url },
    log: (text) => (log += text),
  })
  t.after(() => server.stop())
  const secrets = { secret: SECRET, key, webhookSecret, providerKey, otherKey: 'what is no key of ours' }
  const tokenOf = (name) => (secrets[name] = token('anna', { name }))

  const heard = []
  const sockets = []
  const listen = (socket) => {
    heard.push(record(socket))
    sockets.push(socket)
    return socket
  }
  for (const transports of [['websocket'], ['polling']]) {
    const inAuth = listen(open(t, server, { transports, auth: { token: tokenOf(`auth ${transports}`) } }))
    await next(inAuth, 'authenticated')
    const inQuery = listen(open(t, server, { transports, query: { token: tokenOf(`query ${transports}`) } }))
    await next(inQuery, 'authenticated')
    const extraHeaders = { authorization: `Bearer ${tokenOf(`header ${transports}`)}` }
    await next(listen(open(t, server, { transports, extraHeaders })), 'authenticated')
    const byEvent = listen(open(t, server, { transports }))
    await next(byEvent, 'connect')
    byEvent.emit('authenticate', { token: tokenOf(`event ${transports}`) })
    await next(byEvent, 'authenticated')
  }
  secrets.expired = token('anna', { expiresIn: -5 })
  secrets.forged = token('anna', { secret: 'somebody else, with a long secret' })
  for (const name of ['expired', 'forged']) {
    assert.ok(!(await refusal(open(t, server, { auth: { token: secrets[name] } }))).includes(secrets[name]))
  }

  const project = await createProject(server, 'anna')
  secrets.ingestKey = project.ingestKey
  const socket = listen(await signedIn(t, server, 'anna'))
  await ask(socket, 'join-project', { projectId: project.id, token: tokenOf('join') })
  secrets.payload = 'what a visitor typed into a field'
  const watched = next(socket, 'event-received')
  await ingest(server, project, await beginSession(server, project), [{ ...keydown(1), value: secrets.payload }])
  await watched
  secrets.spoilt = 'a value that fits nowhere'
  await ask(socket, 'room:join', { room: [secrets.spoilt] })
  for (const [name, authorization] of [['http', `Bearer ${tokenOf('http')}`], ['forged', `Bearer ${secrets.forged}`]]) {
    const { status } = await fetch(`${server.url}/api/projects`, { headers: { authorization } })
    assert.equal(status, name === 'http' ? 200 : 401)
  }
  for (const [name, status] of [['key', 200], ['otherKey', 403]]) {
    const headers = { 'x-api-key': secrets[name] }
    assert.equal((await fetch(`${server.url}/api/users/anna`, { headers })).status, status)
  }
  await call(server, 'POST', `/api/projects/${project.id}/sessions`, { key: secrets.otherKey, body: { externalUserId: 'x' } })
  secrets.message = 'what somebody wrote to anna'
  const brought = JSON.stringify(message('anna', { text: secrets.message }))
  secrets.signature = sign(brought)
  secrets.otherSignature = sign(brought, 'another secret')
  for (const [name, status] of [['signature', 202], ['otherSignature', 403]]) {
    assert.equal((await bring(server, 'sms', brought, { signature: secrets[name] })).status, status)
  }
  secrets.question = 'what anna asked the assistant'
  secrets.answer = 'what the assistant told anna'
  const { data: { id: conversationId } } = await ask(socket, 'conversation:create', {})
  const ends = ['message:complete', 'message:error', 'message:error']
  const repeats = `${providerKey} and ${secrets.question}`
  for (const [n, script] of [
    (response) => streamed(response).end(delta(secrets.answer) + end()),
    (response) => response.writeHead(401).end(repeats),
    (response) => streamed(response).end(event({ error: { message: repeats } })),
  ].entries()) {
    provider.script = script
    const over = next(socket, ends[n])
    await ask(socket, 'message:send', { conversationId, content: secrets.question })
    await over
  }
  assert.equal(provider.requests[0].headers.authorization, `Bearer ${providerKey}`)
  secrets.story = 'what somebody told of the family'
  secrets.tag = 'what a recorder wrote of its owner'
  secrets.fileName = 'what the file was called at home'
  await ask(socket, 'join_project', project.id)
  const info = Buffer.concat([Buffer.from('LIST....INFOIART....'), Buffer.from(`${secrets.tag}\0\0`)])
  info.writeUInt32LE(info.length - 8, 4)
  info.writeUInt32LE(info.length - 20, 16)
  const tagged = Buffer.concat([wav(1).subarray(0, 36), info, wav(1).subarray(36)])
  const broken = Buffer.concat([Buffer.from('fLaC'), Buffer.from(secrets.tag.repeat(20))])
  for (const media of [tagged, broken]) {
    const processed = next(socket, 'story_processed')
    await upload(server, 'anna', project, { title: secrets.story, text: secrets.story, media, fileName: secrets.fileName })
    await processed
  }
  const ready = next(socket, 'export_ready')
  await call(server, 'POST', `/api/projects/${project.id}/exports`, { as: 'anna', body: { format: 'zip' } })
  await ready
  await settled(socket)
  sockets.forEach((listened, n) => (secrets[`session ${n}`] = listened.io.engine.id))
  await server.end('SIGTERM')

  assert.ok(log.includes('joined') && log.includes('refused'), 'the log tells what happens')
  const told = JSON.stringify(heard)
  const stored = allStored(server.database)
  assert.ok(stored.includes(project.id), 'this is what is stored')
  for (const [name, secret] of Object.entries(secrets)) {
    assert.ok(!log.includes(secret), `${name} stands in the log: ${log.split('\n').find((line) => line.includes(secret))?.slice(0, 400)}`)
    // Verified, never stored. What belongs to the database is what was sent to be stored.
    if (!['payload', 'message', 'question', 'answer', 'ingestKey', 'story', 'tag'].includes(name)) assert.ok(!stored.includes(secret), `${name} was stored`)
    if (!['payload', 'message', 'question', 'answer', 'story'].includes(name)) assert.ok(!told.includes(secret), `${name} was told to a client`)
  }
})
