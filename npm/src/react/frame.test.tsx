// @vitest-environment jsdom
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { oncePerFrame } from './frame.js'

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }))
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
  vi.restoreAllMocks()
})

/** Frames that are painted when the test says so. */
function frames() {
  const due = new Map<number, FrameRequestCallback>()
  let last = 0
  vi.stubGlobal('requestAnimationFrame', (callback: FrameRequestCallback) => due.set((last += 1), callback) && last)
  vi.stubGlobal('cancelAnimationFrame', (frame: number) => due.delete(frame))
  return () => {
    for (const [frame, callback] of [...due]) if (due.delete(frame)) callback(0)
  }
}

const becomes = (state: DocumentVisibilityState) => vi.spyOn(document, 'visibilityState', 'get').mockReturnValue(state)

test('calls once for each frame, however late that is', () => {
  const paint = frames()
  becomes('visible')
  const callback = vi.fn()
  const schedule = oncePerFrame(callback)
  for (let frame = 1; frame <= 3; frame += 1) {
    for (let call = 0; call < 100; call += 1) {
      schedule()
      vi.advanceTimersByTime(10)
    }
    paint()
    expect(callback).toHaveBeenCalledTimes(frame)
  }
  paint()
  vi.advanceTimersByTime(1_000)
  expect(callback).toHaveBeenCalledTimes(3)
})

test('a page that is hidden, or becomes so, is told all the same', () => {
  frames()
  const callback = vi.fn()
  const schedule = oncePerFrame(callback)
  becomes('visible')
  schedule()
  becomes('hidden')
  vi.advanceTimersByTime(100)
  expect(callback).toHaveBeenCalledTimes(1)
  schedule()
  schedule()
  vi.advanceTimersByTime(100)
  expect(callback).toHaveBeenCalledTimes(2)
})

test('what is cancelled isn’t called', () => {
  const paint = frames()
  const callback = vi.fn()
  const schedule = oncePerFrame(callback)
  schedule()
  schedule.cancel()
  paint()
  vi.advanceTimersByTime(1_000)
  expect(callback).not.toHaveBeenCalled()
})

test('where there are no frames a timer does', () => {
  vi.stubGlobal('requestAnimationFrame', undefined)
  const callback = vi.fn()
  oncePerFrame(callback)()
  vi.advanceTimersByTime(100)
  expect(callback).toHaveBeenCalledTimes(1)
})
