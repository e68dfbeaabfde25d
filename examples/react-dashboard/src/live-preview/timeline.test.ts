import { expect, test } from 'vitest'
import { countUntil, LONGEST_PAUSE, timelineOf } from './timeline'

const at = (seconds: number) => ({ event: { timestamp: new Date(seconds * 1_000).toISOString() } })

test('events keep their distance, except for long pauses', () => {
  expect(timelineOf([at(10), at(10.2), at(11), at(100), at(100.5)])).toEqual([0, 200, 1_000, 1_000 + LONGEST_PAUSE, 1_500 + LONGEST_PAUSE])
})

test('a clock that was set back holds nothing up', () => {
  expect(timelineOf([at(10), at(5), at(5.1)])).toEqual([0, 0, 100])
})

test('what has happened is told by the time', () => {
  const timeline = [0, 200, 200, 500]
  expect([0, 199, 200, 400, 500, 900].map((time) => countUntil(timeline, time))).toEqual([1, 1, 3, 3, 4, 4])
})
