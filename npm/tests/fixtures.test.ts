/// Every golden payload passes the generated checks, and none passes once it is spoilt.
/// The Rust tests read the same files.
import { readFileSync, readdirSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { answers, payloads, type Check } from '../src/generated/checks.js'

interface Fixture {
  event: string
  direction: 'client' | 'server'
  payload: unknown
  answer?: unknown
}

const root = new URL('../../protocol/fixtures/', import.meta.url)
const fixtures = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.json'))
  .map((path) => JSON.parse(readFileSync(new URL(path, root), 'utf8')) as Fixture)

const from = (direction: Fixture['direction']) =>
  fixtures.filter((fixture) => fixture.direction === direction)

function look(checks: Readonly<Record<string, Check>>, event: string): Check {
  const check = checks[event]
  if (check === undefined) throw new Error(`${event} has no check`)
  return check
}

function passesUntilSpoilt(check: Check, value: unknown) {
  expect(check(value)).toBeUndefined()
  for (const spoilt of [undefined, null, 5, 'text', [value]]) {
    expect(check(spoilt)).toBe('payload: expected an object')
  }
}

describe('a golden payload', () => {
  it.each(from('server'))('of $event passes until it is spoilt', ({ event, payload }) => {
    passesUntilSpoilt(look(payloads, event), payload)
  })

  it.each(from('client'))('that answers $event passes until it is spoilt', ({ event, answer }) => {
    passesUntilSpoilt(look(answers, event), answer)
  })
})

it('stands for every check', () => {
  const names = (direction: Fixture['direction']) =>
    from(direction).map((fixture) => fixture.event).sort()
  expect(names('server')).toEqual(Object.keys(payloads).sort())
  expect(names('client')).toEqual(Object.keys(answers).sort())
})

it('leaves names that every object answers to without a check', () => {
  for (const name of ['constructor', 'toString', '__proto__', 'hasOwnProperty']) {
    expect(name in payloads).toBe(false)
    expect(name in answers).toBe(false)
  }
})

it('names the place of what is wrong', () => {
  const check = look(payloads, 'presence:state')
  const users = [{ userId: 'anna' }, { userId: 5 }]
  expect(check({ room: 'room:lobby' })).toBe('users: is missing')
  expect(check({ room: 'room:lobby', users: users.slice(1) })).toBe('users[0].userId: expected a string')
  expect(check({ room: 'room:lobby', users })).toBe('users[0].connections: is missing')
})
