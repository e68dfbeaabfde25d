// A chat of everybody who has this page open. `?user=grace` in the address is somebody else than ada.
import { createClient } from 'samewire'

const asked = new URLSearchParams(location.search)
const server = asked.get('server') ?? 'http://localhost:3000'
const user = asked.get('user') ?? 'ada'

const client = createClient(server, {
  token: async () => (await fetch(`${server}/demo/token?user=${user}`)).text(),
})

const [status, form, list] = ['p', 'form', 'ul'].map((name) => document.querySelector(name))
const show = () => (status.textContent = client.state.status)
client.subscribe(show)
show()

const room = await client.join('room:lobby')
room.on('broadcast', ({ userId, data }) => {
  const line = document.createElement('li')
  line.textContent = `${userId}: ${data}`
  list.prepend(line)
})

form.addEventListener('submit', async (event) => {
  event.preventDefault()
  const data = form.text.value
  form.reset()
  await client.emit('broadcast', { room: 'room:lobby', event: 'said', data })
})
