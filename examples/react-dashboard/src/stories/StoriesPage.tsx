import { usePresence, useStories } from 'samewire/react'
import { useProjects, type Project } from '../projects'
import { hrefOf, useRoute } from '../route'
import { Exports } from './Exports'
import { StoryList } from './StoryList'
import { StoryView } from './StoryView'
import { UploadForm } from './UploadForm'
import './StoriesPage.css'

/** A project's stories, which its members tell, write down and talk about. */
export function StoriesPage() {
  const projects = useProjects()
  const project = projects?.find(({ active }) => active)
  return (
    <main className="stories">
      <h1 className="spoken">Stories</h1>
      {project && <Stories project={project} />}
      {projects && !project && <p className="nothing">You are a member of no project.</p>}
    </main>
  )
}

function Stories({ project }: { project: Project }) {
  const { item } = useRoute()
  const { stories, exports, interactions, status, error } = useStories(project.id, { storyId: item })
  const { others, setState } = usePresence({ roomId: `stories:${project.id}` })
  const shown = stories.find(({ id }) => id === item)
  const writers = others.filter(({ state }) => (state as { writes?: string } | null)?.writes === shown?.id).map(({ userId }) => userId)

  return (
    <>
      <div className="stories-list" data-open={shown !== undefined}>
        <UploadForm projectId={project.id} onUploaded={(id) => (location.hash = hrefOf('stories', id))} />
        {error && <p role="alert">{error.message}</p>}
        <StoryList stories={stories} shown={shown?.id} isReady={status === 'joined'} />
        <Exports projectId={project.id} exports={exports} isReady={status === 'joined'} />
      </div>
      <section className="panel story" data-open={shown !== undefined} aria-label={shown?.title ?? 'Story'}>
        {shown ? (
          <StoryView
            key={shown.id}
            story={shown}
            interactions={interactions}
            writers={writers}
            onWrite={(writes) => void setState({ writes: writes ? shown.id : null }).catch(() => {})}
          />
        ) : (
          status === 'joined' && <p className="nothing">Pick a story, or tell one.</p>
        )}
      </section>
    </>
  )
}
