/** Somebody who lives in the demo. */
export interface Person {
  id: string
  name: string
}

/** Everybody whom the demo server gives tokens for. The first owns its project. */
export const people: [Person, ...Person[]] = [
  { id: 'ada', name: 'Ada Lovelace' },
  { id: 'grace', name: 'Grace Hopper' },
  { id: 'alan', name: 'Alan Turing' },
  { id: 'katherine', name: 'Katherine Johnson' },
]

/** What somebody is called; an id that nobody knows is its own name. */
export function nameOf(id: string): string {
  return people.find((person) => person.id === id)?.name ?? id
}

export function firstNameOf(id: string): string {
  return nameOf(id).split(' ')[0]!
}
