import { people, type Person } from './people/people'

/** Whom the demo server takes us for: the `user` in the address, or who owns its project. */
export const user: Person = people.find(({ id }) => id === new URLSearchParams(location.search).get('user')) ?? people[0]

/** The same app at the same place, as somebody else. */
export function linkAs(person: Person): string {
  return `?user=${person.id}${location.hash}`
}
