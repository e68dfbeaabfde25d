// @vitest-environment jsdom
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { watchPage, type PageWatch } from '../src/pageEvents.js'

const told = vi.fn()
let watch: PageWatch

beforeEach(() => {
  watch = watchPage(told)!
})

afterEach(() => {
  watch.end()
  told.mockClear()
})

const transition = (name: string, persisted: boolean) => window.dispatchEvent(Object.assign(new Event(name), { persisted }))
const seen = () => told.mock.calls.flat()

it('tells whether there is a network', () => {
  window.dispatchEvent(new Event('offline'))
  window.dispatchEvent(new Event('online'))
  expect(seen()).toEqual(['offline', 'online'])
})

it('tells when the page is seen again, not when it is hidden', () => {
  const visibility = vi.spyOn(document, 'visibilityState', 'get')
  for (const state of ['hidden', 'visible'] as const) {
    visibility.mockReturnValue(state)
    document.dispatchEvent(new Event('visibilitychange'))
  }
  expect(seen()).toEqual(['shown'])
  visibility.mockRestore()
})

it('tells when the page goes away to come back, not when it goes for good', () => {
  transition('pagehide', false)
  transition('pageshow', false)
  expect(seen()).toEqual([])
  transition('pagehide', true)
  transition('pageshow', true)
  document.dispatchEvent(new Event('freeze'))
  document.dispatchEvent(new Event('resume'))
  expect(seen()).toEqual(['away', 'back', 'away', 'back'])
})

it('counts its listeners and ends them', () => {
  expect(watch.size).toBe(7)
  watch.end()
  expect(watch.size).toBe(0)
  window.dispatchEvent(new Event('online'))
  document.dispatchEvent(new Event('resume'))
  expect(seen()).toEqual([])
})
