// Stories, as the tests make and follow them.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { addMember, createProject, upload } from './api.mjs'
import { ask, next, record, signedIn, WAIT_MS } from './client.mjs'

export const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/

export const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex')

/** The files in a folder of MEDIA_DIR. */
export const files = (server, folder) => readdirSync(join(server.database, 'media', folder))

/** Waits until something holds; gives what it holds by. */
export async function until(what, holds, wait = WAIT_MS) {
  for (const deadline = Date.now() + wait; ; await sleep(10)) {
    const held = await holds()
    if (held) return held
    assert.ok(Date.now() < deadline, `not within ${wait} ms: ${what}`)
  }
}

/** A project with a member who follows its stories: `{ project, socket, seen }`. */
export async function followed(t, server, { owner = 'anna', member = 'ben', role = 'storyteller' } = {}) {
  const project = await createProject(server, owner)
  await addMember(server, owner, project, member, role)
  const socket = await signedIn(t, server, member)
  assert.equal((await ask(socket, 'join_project', project.id)).ok, true)
  return { project, socket, seen: record(socket) }
}

/** Uploads, and gives the story once it was processed. */
export async function processed(server, socket, project, what, as = 'anna') {
  const done = next(socket, 'story_processed', ({ story }) => story.title === what.title)
  const { status, body } = await upload(server, as, project, what)
  assert.equal(status, 201, JSON.stringify(body))
  return (await done)[0].story
}

/** The status and the code that a call is answered with. */
export const refused = ({ status, body }) => [status, body.code]
