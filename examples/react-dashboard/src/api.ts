import { useClient } from 'samewire/react'
import { useEffect, useState } from 'react'
import { request } from './request'

/** What the server's API says at a path; another `version` asks again. Nothing until it answered. */
export function useFetched<T>(path: string | undefined, version = 0): T | undefined {
  const client = useClient()
  const [fetched, setFetched] = useState<{ path: string; data: T }>()
  useEffect(() => {
    if (path === undefined) return
    const gone = new AbortController()
    const { signal } = gone
    request(`api/${path}`, { signal }, (path, init) => client.fetch(path, init))
      .then((answer) => answer.json())
      .then(
        (data: T) => setFetched({ path, data }),
        (error) => signal.aborted || console.error(error),
      )
    return () => gone.abort()
  }, [client, path, version])
  return fetched && fetched.path === path ? fetched.data : undefined
}
