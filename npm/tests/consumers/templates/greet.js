// What every consumer does: says hello in a room, and hears it.
import { createClient } from 'samewire'

/** @param {string} server */
export async function greet(server) {
  const client = createClient(server, {
    token: async () => (await fetch(`${server}/demo/token?user=ada`)).text(),
  })
  client.connect() // Done already in a page, and needed elsewhere.
  const room = await client.join('room:consumers')
  const heard = new Promise((resolve) => room.on('broadcast', ({ userId, data }) => data === server && resolve(userId)))
  await client.emit('broadcast', { room: 'room:consumers', event: 'hello', data: server })
  const userId = await heard
  client.close()
  return `${userId} says hello`
}
