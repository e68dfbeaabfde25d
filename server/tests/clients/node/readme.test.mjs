// The README's program for the official client, as printed.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { io } from 'socket.io-client'
import { beginSession, createProject, ingest, keydown, token } from './api.mjs'
import { startServer } from './server.mjs'
import { WAIT_MS } from './client.mjs'

test('the README shows what works', async (t) => {
  const server = await startServer()
  t.after(() => server.stop())
  const project = await createProject(server, 'anna')
  const readme = readFileSync(new URL('../../../../README.md', import.meta.url), 'utf8')
  const [, program] = /```js\n(const socket = io\([^]*?)```/.exec(readme)
  const here = program.replace('http://localhost:3000', server.url).replace("'42'", `'${project.id}'`)
  assert.ok(here.includes(server.url) && here.includes(project.id), here)

  const sockets = []
  t.after(() => sockets.forEach((socket) => socket.disconnect()))
  const connect = (url, options) => {
    const socket = io(url, { forceNew: true, ...options })
    sockets.push(socket)
    return socket
  }
  const printed = new Promise((resolve, reject) => {
    setTimeout(() => reject(new Error('nothing was printed')), WAIT_MS).unref()
    new Function('io', 'token', 'console', here)(connect, token('anna'), { log: resolve })
  })
  await new Promise((resolve) => sockets[0].once('presence:state', resolve))
  const session = await beginSession(server, project)
  await ingest(server, project, session, [keydown(1)])
  assert.deepEqual(await printed, keydown(1))
})
