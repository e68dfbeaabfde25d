import type { Store } from './useStore.js'

/** What is shown of a store: the very same until one of its fields changes. */
export function selected<T, Shown extends object>(store: Store<T>, select: (value: T) => Shown): Store<Shown> {
  let of = store.idle
  let shown = select(of)
  const idle = shown
  return {
    idle,
    get() {
      const value = store.get()
      if (value === of) return shown
      of = value
      const next = select(value)
      if (!sameFields(next, shown)) shown = next
      return shown
    },
    subscribe: (onChange) => store.subscribe(onChange),
  }
}

/** Whether two objects, or arrays, have the very same in each field. */
export function sameFields<T extends object>(one: T, other: T): boolean {
  const names = Object.keys(one) as (keyof T)[]
  return names.length === Object.keys(other).length && names.every((name) => Object.is(one[name], other[name]))
}
