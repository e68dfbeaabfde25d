import { useInsertionEffect, useRef, type RefObject } from 'react'

/** Always holds the value of the last render that was shown, for callbacks that outlive a render. */
export function useLatest<T>(value: T): RefObject<T> {
  const latest = useRef(value)
  useInsertionEffect(() => {
    latest.current = value
  })
  return latest
}
