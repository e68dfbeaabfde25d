// A bare Socket.IO server for Node.js: no sign-in, no log, no metrics.
import { createServer } from 'node:http'
import { Server } from 'socket.io'

const http = createServer()
const io = new Server(http, { serveClient: false })

io.on('connection', (socket) => {
  socket.on('room:join', ({ room }, done) => {
    socket.join(room)
    done({ ok: true })
  })
  socket.on('say', ({ room, data }) => io.to(room).emit('said', { data }))
  socket.on('echo', (data, done) => done({ ok: true, data }))
})

http.listen(0, '127.0.0.1', () => console.log(`listening on http://127.0.0.1:${http.address().port}`))
