// Conversations with the assistant, who is an echo here: what a page does with them, what is refused, and
// who hears of what. Its answers are in assistant-answers.test.mjs.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { call } from './api.mjs'
import { ask, next, record, settled, signedIn } from './client.mjs'
import { answerEvents, begin } from './conversation.mjs'
import { startServer } from './server.mjs'
import { TIME } from './stories.mjs'

let server
before(async () => {
  server = await startServer({ env: { RATE_LIMIT_MAX: '100000' } })
})
after(() => server.stop())

describe('a conversation', () => {
  test('is begun, told to the user\'s other connections, and listed', async (t) => {
    const [one, two] = [await signedIn(t, server, 'anna'), await signedIn(t, server, 'anna')]
    const stranger = await signedIn(t, server, 'ben')
    const [atOne, atTwo, atStranger] = [one, two, stranger].map(record)
    const told = next(two, 'conversation:create')
    const { ok, data } = await ask(one, 'conversation:create', { title: ' Planning the garden ' })
    assert.equal(ok, true)
    assert.deepEqual(Object.keys(data).sort(), ['createdAt', 'id', 'ownerId', 'title', 'updatedAt'])
    assert.equal(data.title, 'Planning the garden')
    assert.equal(data.ownerId, 'anna')
    assert.match(data.createdAt, TIME)
    assert.equal(data.updatedAt, data.createdAt)
    const [payload, meta] = await told
    assert.deepEqual(payload, { conversation: data })
    assert.equal(meta.room, 'user:anna')
    await Promise.all([one, two, stranger].map(settled))
    const created = (seen) => seen.filter(([name]) => name === 'conversation:create').length
    assert.deepEqual([atOne, atTwo, atStranger].map(created), [0, 1, 0])
    const { body } = await call(server, 'GET', '/api/conversations', { as: 'anna' })
    assert.deepEqual(body.conversations[0], data)
    assert.deepEqual((await call(server, 'GET', '/api/conversations', { as: 'carla' })).body, { conversations: [] })
  })

  test('without a title has one', async (t) => {
    const socket = await signedIn(t, server, 'anna')
    assert.equal((await ask(socket, 'conversation:create', {})).data.title, 'New conversation')
    assert.equal((await ask(socket, 'conversation:create')).data.title, 'New conversation')
  })

  test('is renamed, and all connections of the user are told', async (t) => {
    const [one, two] = [await signedIn(t, server, 'anna'), await signedIn(t, server, 'anna')]
    const id = await begin(one)
    const told = [one, two].map((socket) => next(socket, 'conversation:update'))
    const { data } = await ask(one, 'conversation:update', { conversationId: id, title: 'Trees' })
    assert.equal(data.title, 'Trees')
    for (const [payload] of await Promise.all(told)) assert.deepEqual(payload, { conversation: data })
  })

  test('is deleted: all connections of the user are told, its room is emptied, nothing is left', async (t) => {
    const [one, two] = [await signedIn(t, server, 'anna'), await signedIn(t, server, 'anna')]
    const id = await begin(one)
    for (const socket of [one, two]) assert.equal((await ask(socket, 'join:conversation', id)).ok, true)
    const seen = [one, two].map(record)
    const told = [one, two].map((socket) => next(socket, 'conversation:delete'))
    assert.deepEqual(await ask(one, 'conversation:delete', { conversationId: id }), { ok: true, data: { conversationId: id } })
    for (const [payload] of await Promise.all(told)) assert.deepEqual(payload, { conversationId: id })
    for (const socket of [one, two]) {
      const left = await ask(socket, 'leave:conversation', { conversationId: id })
      assert.equal(left.error.code, 'NOT_FOUND', 'it was taken out')
      assert.equal((await ask(socket, 'join:conversation', { conversationId: id })).error.code, 'NOT_FOUND')
    }
    assert.deepEqual(seen.flat().filter(([name]) => name === 'error'), [])
    assert.equal((await call(server, 'GET', `/api/conversations/${id}/messages`, { as: 'anna' })).status, 404)
    const { body } = await call(server, 'GET', '/api/conversations', { as: 'anna' })
    assert.ok(body.conversations.every((conversation) => conversation.id !== id))
  })

  test('that is deleted takes its answer along', async (t) => {
    const socket = await signedIn(t, server, 'anna')
    const id = await begin(socket)
    await ask(socket, 'join:conversation', id)
    const chunk = next(socket, 'message:chunk')
    await ask(socket, 'message:send', { conversationId: id, content: 'A long tale. '.repeat(2000) })
    await chunk
    await ask(socket, 'conversation:delete', { conversationId: id })
    const seen = record(socket)
    // The next answer comes, of the one before nothing does.
    const other = await begin(socket)
    const complete = next(socket, 'message:complete')
    await ask(socket, 'message:send', { conversationId: other, content: 'Hi' })
    await complete
    assert.ok(answerEvents(seen).every(([, payload]) => payload.conversationId === other))
  })
})

describe('who takes part', () => {
  const participant = (id, user) => `/api/conversations/${id}/participants/${user}`

  test('is said by the owner; they hear the answers, ask themselves, and leave again', async (t) => {
    const [anna, ben] = [await signedIn(t, server, 'anna'), await signedIn(t, server, 'ben')]
    const id = await begin(anna, 'Shared')
    const told = next(ben, 'conversation:create')
    const added = await call(server, 'PUT', participant(id, 'ben'), { as: 'anna' })
    assert.deepEqual(added, { status: 200, body: { participants: ['anna', 'ben'] } })
    assert.equal((await told)[0].conversation.id, id)
    assert.deepEqual((await call(server, 'GET', '/api/conversations', { as: 'ben' })).body.conversations.map((found) => found.id), [id])
    await ask(anna, 'join:conversation', id)
    const complete = [anna, ben].map((socket) => next(socket, 'message:complete'))
    await ask(ben, 'message:send', { conversationId: id, content: 'From Ben' })
    const [[atAnna], [atBen]] = await Promise.all(complete)
    assert.deepEqual(atAnna, atBen)
    // Anybody who takes part renames it, only the owner deletes it.
    const renamed = next(anna, 'conversation:update')
    assert.equal((await ask(ben, 'conversation:update', { conversationId: id, title: 'Ours' })).ok, true)
    assert.equal((await renamed)[0].conversation.title, 'Ours')
    assert.equal((await ask(ben, 'conversation:delete', { conversationId: id })).error.code, 'ACCESS_DENIED')

    const [gone, out] = [next(ben, 'conversation:delete'), next(ben, 'error')]
    assert.equal((await call(server, 'DELETE', participant(id, 'ben'), { as: 'anna' })).status, 204)
    assert.deepEqual((await gone)[0], { conversationId: id })
    const [error] = await out
    assert.deepEqual([error.code, error.room], ['ACCESS_DENIED', `conversation:${id}`])
    const seen = record(ben)
    const over = next(anna, 'message:complete')
    await ask(anna, 'message:send', { conversationId: id, content: 'Alone again' })
    await over
    await settled(ben)
    assert.deepEqual(answerEvents(seen), [])
    assert.equal((await ask(ben, 'message:send', { conversationId: id, content: 'Hi' })).error.code, 'NOT_FOUND')
  })

  test('nobody else says', async (t) => {
    const anna = await signedIn(t, server, 'anna')
    const id = await begin(anna)
    assert.equal((await call(server, 'PUT', participant(id, 'ben'), { as: 'ben' })).status, 404)
    assert.equal((await call(server, 'PUT', participant(id, 'ben'), { as: 'anna' })).status, 200)
    assert.equal((await call(server, 'PUT', participant(id, 'carla'), { as: 'ben' })).status, 403)
    assert.equal((await call(server, 'DELETE', participant(id, 'anna'), { as: 'ben' })).status, 403)
    assert.equal((await call(server, 'DELETE', participant(id, 'anna'), { as: 'anna' })).status, 403)
    assert.equal((await call(server, 'DELETE', participant(id, 'ben'), { as: 'ben' })).status, 204, 'but themselves')
    assert.equal((await call(server, 'DELETE', participant(id, 'ben'), { as: 'anna' })).status, 404)
    assert.equal((await call(server, 'GET', `/api/conversations/${id}/participants`, { as: 'ben' })).status, 404)
    assert.deepEqual((await call(server, 'GET', `/api/conversations/${id}/participants`, { as: 'anna' })).body, { participants: ['anna'] })
  })
})

describe('typing', () => {
  const TYPING = ['typing:start', 'typing:stop']
  const typing = (seen) => seen.filter(([name]) => TYPING.includes(name))

  /** Anna and Ben in a conversation, on one connection each. */
  async function together(t) {
    const [anna, ben] = [await signedIn(t, server, 'anna'), await signedIn(t, server, 'ben')]
    const conversationId = await begin(anna)
    await call(server, 'PUT', `/api/conversations/${conversationId}/participants/ben`, { as: 'anna' })
    for (const socket of [anna, ben]) await ask(socket, 'join:conversation', conversationId)
    return { anna, ben, conversationId, told: { conversationId, userId: 'anna' } }
  }

  test('is told to the others, once, with who types, until they stop', async (t) => {
    const { anna, ben, conversationId, told } = await together(t)
    const [atAnna, atBen] = [record(anna), record(ben)]
    for (let n = 0; n < 3; n++) assert.deepEqual(await ask(anna, 'typing:start', { conversationId }), { ok: true, data: { conversationId } })
    await settled(ben)
    assert.deepEqual(typing(atBen), [['typing:start', told]])
    for (let n = 0; n < 2; n++) assert.deepEqual(await ask(anna, 'typing:stop', { conversationId }), { ok: true, data: { conversationId } })
    await settled(ben)
    assert.deepEqual(typing(atBen), [['typing:start', told], ['typing:stop', told]])
    assert.deepEqual(typing(atAnna), [])
  })

  test('is told to the user\'s other tabs, and goes on while one of them types', async (t) => {
    const { anna, ben, conversationId, told } = await together(t)
    const other = await signedIn(t, server, 'anna')
    await ask(other, 'join:conversation', conversationId)
    const [atOther, atBen] = [record(other), record(ben)]
    await ask(anna, 'typing:start', { conversationId })
    await settled(other)
    assert.deepEqual(typing(atOther), [['typing:start', told]])
    await ask(other, 'typing:start', { conversationId })
    await ask(anna, 'typing:stop', { conversationId })
    await settled(ben)
    assert.deepEqual(typing(atBen), [['typing:start', told]])
    await ask(other, 'typing:stop', { conversationId })
    await settled(ben)
    assert.deepEqual(typing(atBen), [['typing:start', told], ['typing:stop', told]])
  })

  test('is told to who joins meanwhile', async (t) => {
    const { anna, ben, conversationId, told } = await together(t)
    await ask(ben, 'leave:conversation', conversationId)
    await ask(anna, 'typing:start', { conversationId })
    const began = next(ben, 'typing:start')
    await ask(ben, 'join:conversation', conversationId)
    assert.deepEqual(await began, [told])
  })

  test('ends by itself after 5 s, counted from the last time it was said', async (t) => {
    const { anna, ben, conversationId, told } = await together(t)
    const began = next(ben, 'typing:start')
    const saidAt = performance.now()
    await ask(anna, 'typing:start', { conversationId })
    await began
    assert.deepEqual(await next(ben, 'typing:stop'), [told])
    assert.ok(performance.now() - saidAt >= 4_990)
  })

  for (const [how, leave] of [
    ['a disconnect', (anna) => anna.disconnect()],
    ['leaving the room', (anna, conversationId) => anna.emit('leave:conversation', conversationId)],
  ]) {
    test(`ends with ${how}`, async (t) => {
      const { anna, ben, conversationId, told } = await together(t)
      const began = next(ben, 'typing:start')
      await ask(anna, 'typing:start', { conversationId })
      await began
      const [stopped, saidAt] = [next(ben, 'typing:stop'), performance.now()]
      leave(anna, conversationId)
      assert.deepEqual(await stopped, [told])
      assert.ok(performance.now() - saidAt < 4_000, 'and not by itself')
    })
  }

  test('ends with taking part', async (t) => {
    const { anna, ben, conversationId } = await together(t)
    await ask(ben, 'typing:start', { conversationId })
    const stopped = next(anna, 'typing:stop')
    await call(server, 'DELETE', `/api/conversations/${conversationId}/participants/ben`, { as: 'anna' })
    assert.deepEqual(await stopped, [{ conversationId, userId: 'ben' }])
  })

  test('is no part of the room\'s log', async (t) => {
    const { anna, ben, conversationId } = await together(t)
    const room = `conversation:${conversationId}`
    const { data: { position } } = await ask(ben, 'room:join', room)
    await ask(anna, 'typing:start', { conversationId })
    assert.deepEqual((await ask(ben, 'room:join', room)).data.position, position)
  })
})

describe('is refused', () => {
  test('to a stranger: everything, in the same words as what isn\'t there', async (t) => {
    const anna = await signedIn(t, server, 'anna')
    const ben = await signedIn(t, server, 'ben')
    const id = await begin(anna)
    await ask(anna, 'join:conversation', id)
    const seen = record(ben)
    for (const [event, payload] of [
      ['join:conversation', {}],
      ['room:join', {}],
      ['conversation:update', { title: 'Mine' }],
      ['conversation:delete', {}],
      ['message:send', { content: 'Hi' }],
      ['message:cancel', { messageId: 'm' }],
      ['typing:start', {}],
      ['typing:stop', {}],
    ]) {
      const refusals = []
      for (const conversationId of [id, 'no-such-conversation']) {
        const asked = { conversationId, room: `conversation:${conversationId}`, ...payload }
        const { ok, error } = await ask(ben, event, asked)
        assert.equal(ok, false, event)
        refusals.push(error)
      }
      assert.equal(refusals[0].code, 'NOT_FOUND', event)
      assert.deepEqual(refusals[0], refusals[1], event)
    }
    const theirs = await call(server, 'GET', `/api/conversations/${id}/messages`, { as: 'ben' })
    assert.equal(theirs.status, 404)
    assert.deepEqual(theirs, await call(server, 'GET', '/api/conversations/no-such-conversation/messages', { as: 'ben' }))
    assert.equal((await call(server, 'GET', '/api/conversations')).status, 401)
    const over = next(anna, 'message:complete')
    await ask(anna, 'message:send', { conversationId: id, content: 'Only for me' })
    await over
    await settled(ben)
    assert.deepEqual(answerEvents(seen), [])
  })

  test('what doesn\'t fit, and the field is named', async (t) => {
    const socket = await signedIn(t, server, 'anna')
    const conversationId = await begin(socket)
    for (const [event, payload, message] of [
      ['conversation:create', { title: 7 }, /^title: expected a string/],
      ['conversation:create', { title: '  ' }, /^title: expected 1 to 200 bytes/],
      ['conversation:create', { title: 'x'.repeat(201) }, /^title: expected 1 to 200 bytes/],
      ['conversation:update', { conversationId }, /^title: is missing/],
      ['conversation:update', { conversationId, title: '' }, /^title: expected/],
      ['conversation:delete', {}, /^conversationId: is missing/],
      ['message:send', { conversationId }, /^content: is missing/],
      ['message:send', { conversationId, content: ' \n' }, /^content: expected a text/],
      ['message:send', { conversationId, content: 'a\0b' }, /^content: expected a text/],
      ['message:send', { conversationId, content: 'x'.repeat(32 * 1024 + 1) }, /^content: expected at most 32768 bytes/],
      ['message:cancel', { conversationId }, /^messageId: is missing/],
      ['typing:start', {}, /^conversationId: is missing/],
      ['typing:stop', { conversationId: 7 }, /^conversationId: expected a string/],
    ]) {
      const { error } = await ask(socket, event, payload)
      assert.equal(error?.code, 'INVALID_PAYLOAD', JSON.stringify([event, payload]).slice(0, 80))
      assert.match(error.message, message)
    }
    const { status, body } = await call(server, 'GET', `/api/conversations/${conversationId}/messages?after=x`, { as: 'anna' })
    assert.deepEqual([status, body.detail], [400, 'after: expected the next of a page'])
  })

  test('cancelling what is no answer', async (t) => {
    const socket = await signedIn(t, server, 'anna')
    const [id, other] = [await begin(socket), await begin(socket)]
    const over = next(socket, 'message:complete')
    const { data: question } = await ask(socket, 'message:send', { conversationId: id, content: 'Hi' })
    const [{ assistantMessage }] = await over
    for (const [conversationId, messageId] of [[id, question.id], [id, 'none'], [other, assistantMessage.id]]) {
      assert.equal((await ask(socket, 'message:cancel', { conversationId, messageId })).error.code, 'NOT_FOUND')
    }
  })
})

test('lists come by pages', async (t) => {
  const socket = await signedIn(t, server, 'paula')
  const ids = []
  for (let n = 0; n < 501; n++) ids.push(await begin(socket, `Number ${n}`))
  const first = (await call(server, 'GET', '/api/conversations', { as: 'paula' })).body
  assert.equal(first.conversations.length, 500)
  const second = (await call(server, 'GET', `/api/conversations?after=${first.next}`, { as: 'paula' })).body
  assert.equal(second.next, undefined)
  const listed = [...first.conversations, ...second.conversations].map(({ id }) => id)
  assert.deepEqual(listed, ids.reverse())
})
