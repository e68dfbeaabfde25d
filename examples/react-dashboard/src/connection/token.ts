import type { Client } from 'samewire'
import { user } from '../user'

/** How long the token is good for that is to expire, in seconds: long enough to reach a server that is busy. */
const SHORT_LIFE = 8

/** While a token is to expire, nobody gets a fresh one. */
let expiry: Promise<void> | undefined

/** A token, as an application would get one from its own sign-in. */
export async function token(): Promise<string> {
  await expiry
  return fetchToken()
}

/** Goes on with a token that is about to expire, and is not renewed in time. */
export async function expireToken(client: Client): Promise<void> {
  const short = await fetchToken(`&seconds=${SHORT_LIFE}`)
  expiry = new Promise((resolve) => setTimeout(resolve, SHORT_LIFE * 1_000))
  await client.emit('authenticate', { token: short })
}

async function fetchToken(life = ''): Promise<string> {
  const answer = await fetch(`demo/token?user=${user.id}${life}`)
  if (!answer.ok) throw new Error(`no token: ${answer.status}`)
  return answer.text()
}
