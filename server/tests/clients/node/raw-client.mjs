// Clients that speak Socket.IO by hand.
import { once } from 'node:events'
import { WebSocket } from 'ws'
import { token } from './api.mjs'

/** A websocket that is signed in as `user`. */
export async function raw(t, server, user) {
  const client = await rawUnsigned(t, server)
  client.send(`40${JSON.stringify({ token: token(user) })}`)
  await client.frame('42["authenticated"')
  return client
}

/** One that has not asked to be let in yet. */
export async function rawUnsigned(t, server) {
  const socket = new WebSocket(`${server.url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`)
  t.after(() => socket.terminate())
  const waiting = []
  const arrived = []
  socket.on('message', (data) => {
    const text = String(data)
    if (text === '2') return socket.send('3')
    const at = waiting.findIndex(({ fits }) => fits(text))
    if (at === -1) arrived.push(text)
    else waiting.splice(at, 1)[0].resolve(text)
  })
  const frame = (prefix) => {
    const at = arrived.findIndex((text) => text.startsWith(prefix))
    if (at !== -1) return Promise.resolve(arrived.splice(at, 1)[0])
    return new Promise((resolve, reject) => {
      socket.once('close', (code) => reject(new Error(`closed with ${code}, waiting for ${prefix}`)))
      waiting.push({ fits: (text) => text.startsWith(prefix), resolve })
    })
  }
  await once(socket, 'open')
  await frame('0')
  return { socket, frame, send: (text) => socket.send(text) }
}

/** A session by polling: its id, what brings it frames and what takes them. A request may have a name. */
export async function pollingSession(server) {
  const base = `${server.url}/socket.io/?EIO=4&transport=polling`
  const { sid } = JSON.parse((await (await fetch(base)).text()).slice(1))
  const url = (name) => `${base}&sid=${sid}${name === undefined ? '' : `&t=${name}`}`
  return {
    sid,
    poll: (name) => fetch(url(name)),
    post: (frame, name) => fetch(url(name), { method: 'POST', headers: { 'content-type': 'text/plain;charset=UTF-8' }, body: frame }),
  }
}
