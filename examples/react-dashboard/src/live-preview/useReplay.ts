import { useEffect, useMemo, useState } from 'react'
import { countUntil, timelineOf } from './timeline'
import type { SessionEvent } from './useSessionEvents'

export interface Replay {
  /** What has happened at the point in time that is shown. */
  events: readonly SessionEvent[]
  /** That point, and the end, in milliseconds from the beginning. */
  at: number
  duration: number
  /** When something was typed, each from 0 to 1. */
  marks: readonly number[]
  playing: boolean
  /** Plays from here, or from the beginning when it is over; or stops. */
  toggle(): void
  seek(at: number): void
}

/** Marks that are drawn at most; more are no longer told apart. */
const MARKS = 240

/** A session as it stood at any time. One that goes on is shown as it stands, until somebody goes back in it. */
export function useReplay(all: readonly SessionEvent[], sessionId: string | undefined): Replay {
  // Nothing: at the end, wherever that moves.
  const [point, setPoint] = useState<{ of: string | undefined; at: number }>()
  const [playing, setPlaying] = useState(false)
  const timeline = useMemo(() => timelineOf(all), [all])
  const duration = timeline.at(-1) ?? 0
  const at = point && point.of === sessionId ? Math.min(point.at, duration) : duration
  const isPlaying = playing && point?.of === sessionId

  useEffect(() => {
    if (!isPlaying) return
    let frame = 0
    let before: number | undefined
    const step = (now: number) => {
      const passed = now - (before ?? now)
      before = now
      setPoint((point) => point && { ...point, at: point.at + passed })
      frame = requestAnimationFrame(step)
    }
    frame = requestAnimationFrame(step)
    return () => cancelAnimationFrame(frame)
  }, [isPlaying])

  // It has been played to the end: there it stays, even when more comes.
  if (point && isPlaying && point.at >= duration) {
    setPlaying(false)
    setPoint(undefined)
  }

  const marks = useMemo(() => {
    const typed = timeline.filter((_, index) => all[index]!.event.eventType === 'input')
    const every = Math.ceil(typed.length / MARKS)
    return duration === 0 ? [] : typed.filter((_, index) => index % every === 0).map((time) => time / duration)
  }, [all, timeline, duration])
  const count = countUntil(timeline, at)
  const events = useMemo(() => (count === all.length ? all : all.slice(0, count)), [all, count])

  return {
    events,
    at,
    duration,
    marks,
    playing: isPlaying,
    toggle() {
      if (!isPlaying) setPoint({ of: sessionId, at: at >= duration ? 0 : at })
      setPlaying(!isPlaying)
    },
    seek(at) {
      setPlaying(false)
      setPoint(at >= duration ? undefined : { of: sessionId, at })
    },
  }
}
