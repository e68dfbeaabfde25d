// A conversation with the assistant, as tests have one.
import assert from 'node:assert/strict'
import { ask } from './client.mjs'

/** A conversation of the socket's user: its id. */
export async function begin(socket, title) {
  const { ok, data } = await ask(socket, 'conversation:create', { title })
  assert.equal(ok, true)
  return data.id
}

/** The events of an answer that a socket heard, without their places in the log. */
export const answerEvents = (seen) =>
  seen.filter(([name]) => /^(message:(chunk|complete|error)|ai:typing:(start|stop))$/.test(name))
