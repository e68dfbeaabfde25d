import { useSyncExternalStore } from 'react'

/** Whole seconds that are left until then, counting down; 0 when it is past or there is nothing to wait for. */
export function useSecondsUntil(time: number | undefined): number {
  return useSyncExternalStore(everyQuarter, () => (time === undefined ? 0 : Math.max(0, Math.ceil((time - Date.now()) / 1000))))
}

/** Four times a second: a second is seen to pass when it does. */
function everyQuarter(onTick: () => void): () => void {
  const timer = setInterval(onTick, 250)
  return () => clearInterval(timer)
}
