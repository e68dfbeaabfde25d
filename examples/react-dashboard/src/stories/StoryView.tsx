import type { Interaction } from 'samewire/protocol'
import type { ProjectStory } from 'samewire/react'
import { Interactions } from './Interactions'
import { Recording } from './Recording'
import { aboutOf } from './StoryList'
import { Transcript } from './Transcript'

interface StoryViewProps {
  story: ProjectStory
  interactions: readonly Interaction[]
  /** Who else writes on its transcript. */
  writers: readonly string[]
  /** One began to write, or stopped. */
  onWrite(writes: boolean): void
}

/** One story: what it sounds like, what it says, and what is said about it. */
export function StoryView({ story, interactions, writers, onWrite }: StoryViewProps) {
  return (
    <>
      <header>
        <a className="icon-button story-back" href="#/stories" aria-label="Back to all stories">
          <svg viewBox="0 0 24 24" aria-hidden="true">
            <path d="m14 6-6 6 6 6" />
          </svg>
        </a>
        <div>
          <h2>{story.title}</h2>
          <p>{aboutOf(story)}</p>
        </div>
      </header>
      {story.size ? <Recording story={story} /> : null}
      <Transcript story={story} writers={writers} onWrite={onWrite} />
      <Interactions storyId={story.id} interactions={interactions} />
    </>
  )
}
