/** The longest pause that is kept, in milliseconds: nobody watches somebody think. */
export const LONGEST_PAUSE = 1_500

/** When each event happens on the timeline, in milliseconds from its beginning; long pauses are cut short. */
export function timelineOf(events: readonly { event: { timestamp: string } }[]): number[] {
  let at = 0
  let before: number | undefined
  return events.map(({ event }) => {
    const time = Date.parse(event.timestamp)
    at += Math.min(Math.max(time - (before ?? time), 0), LONGEST_PAUSE)
    before = time
    return at
  })
}

/** How many of the events have happened at a time. */
export function countUntil(timeline: readonly number[], at: number): number {
  const next = timeline.findIndex((time) => time > at)
  return next < 0 ? timeline.length : next
}
