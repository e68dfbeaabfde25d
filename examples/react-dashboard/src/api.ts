import { useEffect, useState } from 'react'
import { request } from './request'

/** Whom the demo server takes us for. She owns its project. */
const USER = 'ada'

/** A token, as an application would get one from its own sign-in. */
export async function token(): Promise<string> {
  const answer = await fetch(`demo/token?user=${USER}`)
  if (!answer.ok) throw new Error(`no token: ${answer.status}`)
  return answer.text()
}

/** What the server's API says at a path; another `version` asks again. Nothing until it answered. */
export function useFetched<T>(path: string | undefined, version = 0): T | undefined {
  const [fetched, setFetched] = useState<{ path: string; data: T }>()
  useEffect(() => {
    if (path === undefined) return
    const gone = new AbortController()
    get<T>(path, gone.signal).then(
      (data) => setFetched({ path, data }),
      (error) => gone.signal.aborted || console.error(error),
    )
    return () => gone.abort()
  }, [path, version])
  return fetched && fetched.path === path ? fetched.data : undefined
}

async function get<T>(path: string, signal: AbortSignal): Promise<T> {
  const issued = await request(`demo/token?user=${USER}`, { signal })
  const headers = { authorization: `Bearer ${await issued.text()}` }
  const answer = await request(`api/${path}`, { headers, signal })
  return (await answer.json()) as T
}
