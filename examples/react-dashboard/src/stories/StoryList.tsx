import type { ProjectStory } from 'samewire/react'
import { Avatar } from '../people/Avatar'
import { firstNameOf } from '../people/people'
import { hrefOf } from '../route'
import '../entries.css'
import './StoryList.css'

interface StoryListProps {
  stories: readonly ProjectStory[]
  shown: string | undefined
  isReady: boolean
}

export function StoryList({ stories, shown, isReady }: StoryListProps) {
  return (
    <nav className="panel entries story-list" aria-label="Stories">
      <ul>
        {stories.map((story) => (
          <li key={story.id}>
            <a href={hrefOf('stories', story.id)} aria-current={story.id === shown ? 'true' : undefined}>
              <span className="entry-who">
                <Avatar userId={story.uploadedBy} />
              </span>
              <span className="entry-title">{story.title}</span>
              <span className="entry-about">{aboutOf(story)}</span>
              {story.status === 'processing' && <progress aria-label={story.processing?.stage ?? 'Processing'} {...(story.processing && { value: story.processing.progress })} />}
            </a>
          </li>
        ))}
      </ul>
      {isReady && stories.length === 0 && <p className="nothing">No stories yet</p>}
    </nav>
  )
}

/** Who told it, and what there is of it. */
export function aboutOf({ uploadedBy, status, processing, duration, wordCount, failure }: ProjectStory): string {
  const parts = [
    firstNameOf(uploadedBy),
    status === 'processing' ? (processing?.stage ?? 'processing') : (failure ?? undefined),
    duration ? `${Math.floor(duration / 60)}:${String(Math.round(duration % 60)).padStart(2, '0')}` : undefined,
    wordCount ? `${wordCount} words` : undefined,
  ]
  return parts.filter(Boolean).join(' · ')
}
