// Follows a room with the official client, and misses nothing: with each connection it sends along how
// far it has seen the room, and the server sends what came since. In any language it is the same.
import { io } from 'socket.io-client'

const [server = 'http://localhost:3000', user = 'ada', room = 'room:lobby'] = process.argv.slice(2)

/** How far the room was seen. */
let position

const socket = io(server, {
  // Called for each connection, so the token is always fresh.
  auth: async (connectWith) => {
    try {
      const token = await (await fetch(`${server}/demo/token?user=${user}`)).text()
      connectWith(position ? { token, resume: [{ room, ...position }] } : { token })
    } catch {
      // Without a token it begins anew, as after any other failure.
      socket.io.engine.close()
    }
  },
})

socket.on('authenticated', () => {
  if (position) return
  // Where the answer is lost with the connection, the next one asks again.
  socket.emit('room:join', { room }, ({ ok, data, error }) => {
    if (!ok) throw new Error(`${error.code}: ${error.message}`)
    position = data.position
    console.log(`in ${data.room}, with ${data.users.length} user(s)`)
  })
})

socket.on('resumed', ({ rooms: [resumed] }) => {
  if (resumed.error) throw new Error(`${resumed.error.code}: ${resumed.error.message}`)
  console.log(resumed.recovered ? `back, ${resumed.missed} event(s) were missed` : 'back, too late: read the state anew')
  if (!resumed.recovered) position = resumed.position
})

// What is sent to a room says where in its log it stands.
socket.onAny((event, payload, meta) => {
  if (meta?.room !== room || meta.offset <= position?.offset) return
  position = { epoch: meta.epoch, offset: meta.offset }
  console.log(event, JSON.stringify(payload))
})

socket.on('connect_error', ({ message }) => console.error(message))
