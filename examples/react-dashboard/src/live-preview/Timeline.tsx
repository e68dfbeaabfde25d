import type { LiveSession } from 'samewire/react'
import type { Replay } from './useReplay'
import './Timeline.css'

/** A session from its beginning to its end: to be played again, or looked at anywhere. */
export function Timeline({ replay, status }: { replay: Replay; status: LiveSession['status'] | undefined }) {
  const { at, duration, marks, playing, toggle, seek } = replay
  const isLive = status === 'live' && at >= duration
  return (
    <div className="timeline" role="group" aria-label="Replay">
      <button type="button" className="icon-button" aria-label={playing ? 'Pause' : 'Play'} disabled={duration === 0} onClick={toggle}>
        <svg viewBox="0 0 24 24" aria-hidden="true">
          <path d={playing ? 'M8 5v14M16 5v14' : 'M8 5.5v13l10-6.5Z'} />
        </svg>
      </button>
      <div className="timeline-track">
        <svg viewBox="0 0 1000 10" preserveAspectRatio="none" aria-hidden="true">
          <path d={marks.map((mark) => `M${mark * 1000} 0v10`).join('')} />
        </svg>
        <input
          type="range"
          aria-label="Point in time"
          aria-valuetext={`${seconds(at)} of ${seconds(duration)}`}
          min={0}
          max={duration}
          step="any"
          value={at}
          disabled={duration === 0}
          onChange={({ target }) => seek(Number(target.value))}
        />
      </div>
      <span className="timeline-time" data-live={isLive}>
        {isLive ? 'Live' : duration > 0 && `${seconds(at)} / ${seconds(duration)}`}
      </span>
    </div>
  )
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1_000).toFixed(1)} s`
}
