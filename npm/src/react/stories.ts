import type { ErrorCode, ExportStarted, Interaction, Story, StoryProcessing } from '../protocol.js'
import { callForList } from './http.js'
import type { Fold } from './roomStore.js'

/** A story, and how far processing it has come. */
export interface ProjectStory extends Story {
  /** Only while it is processed, and from the first that is heard of it. */
  processing?: Pick<StoryProcessing, 'stage' | 'progress'>
}

/** An export of a project's stories. */
export interface StoryExport extends Partial<Pick<ExportStarted, 'format' | 'requestedBy'>> {
  exportId: string
  /** `expired`: it could be downloaded, and is gone. */
  status: 'running' | 'ready' | 'failed' | 'expired'
  /** When it began; missing where it was heard of in the middle. */
  createdAt?: string
  /** How much of it is done, from 0 to 1. */
  progress: number
  /** Stories written, and to write. */
  processed: number
  total: number
  /** When it is ready: where it can be downloaded, by `client.fetch` for example. */
  downloadUrl?: string
  /** Its size in bytes. */
  size?: number
  /** Until when it is there. */
  expiresAt?: string
  /** When it failed: why, for programs and for people. */
  code?: ErrorCode
  message?: string
}

/** The stories of a project, and what is done with them. */
export interface Stories {
  /** The newest first. */
  readonly stories: readonly ProjectStory[]
  /** Those that were made or changed since one began to look, oldest first. */
  readonly interactions: readonly Interaction[]
  /** The newest first. */
  readonly exports: readonly StoryExport[]
}

/** How many exports are kept, and interactions of all stories. */
const KEPT_EXPORTS = 100
const KEPT_INTERACTIONS = 500

/** What the events of a project's stories add up to (wire.md, section 9). */
export function storiesOf(projectId: string): Fold<'stories', Stories> {
  return {
    name: 'stories',
    initial: { stories: [], interactions: [], exports: [] },
    on: {
      story_uploaded: (all, { story }) => (all.stories.some(({ id }) => id === story.id) ? all : { ...all, stories: [story, ...all.stories] }),
      story_processing: (all, { storyId, stage, progress }) =>
        withStory(all, storyId, (story) => (story.status === 'processing' ? { ...story, processing: { stage, progress } } : story)),
      story_processed: (all, { story }) => {
        const known = all.stories.some(({ id }) => id === story.id)
        if (!known) return { ...all, stories: [story, ...all.stories] }
        return withStory(all, story.id, ({ transcript, version }) => (version > story.version ? { ...story, version, transcript: transcript ?? null } : story))
      },
      transcript_updated: (all, { storyId, transcript, version }) => withStory(all, storyId, (story) => (version > story.version ? { ...story, transcript, version } : story)),
      interaction_added: (all, { interaction }) => ({ ...all, interactions: withInteraction(all.interactions, interaction).slice(-KEPT_INTERACTIONS) }),
      interaction_updated: (all, { interaction }) => ({ ...all, interactions: withInteraction(all.interactions, interaction).slice(-KEPT_INTERACTIONS) }),
      export_started: (all, { exportId, format, requestedBy, timestamp }) => withExport(all, exportId, (known) => ({ createdAt: timestamp, ...known, format, requestedBy })),
      export_progress: (all, { exportId, progress, processed, total }) =>
        withExport(all, exportId, (known) => (known.status === 'running' ? { ...known, progress, processed, total } : known)),
      export_ready: (all, { exportId, downloadUrl, size, expiresAt }) =>
        withExport(all, exportId, (known) => ({ ...known, status: 'ready', progress: 1, processed: known.total, downloadUrl, size, expiresAt })),
      export_failed: (all, { exportId, code, message }) => withExport(all, exportId, (known) => ({ ...known, status: 'failed', code, message })),
    },
    read: async (client, signal) => {
      const list = <Item>(name: string) => callForList<Item>(client, `/api/projects/${encodeURIComponent(projectId)}/${name}`, name, signal)
      const [stories, exports] = await Promise.all([list<Story>('stories'), list<StoredExport>('exports')])
      return (before, withSince) =>
        withSince({
          ...before,
          stories: stories.items,
          exports: exports.items.map((stored) => asExport(stored, before.exports.find(({ exportId }) => exportId === stored.id))),
        })
    },
  }
}

/** An export as `GET /api/projects/{id}/exports` has it. */
type StoredExport = Omit<StoryExport, 'exportId' | 'progress' | 'processed' | 'total'> & { id: string }

/** How far one that goes on has come is known from what was heard of it alone. */
function asExport({ id, ...stored }: StoredExport, heard: StoryExport | undefined): StoryExport {
  const { progress = 0, processed = 0, total = 0 } = heard ?? {}
  return { ...stored, exportId: id, progress: stored.status === 'ready' ? 1 : progress, processed, total }
}

/** What is said about one story, oldest first. */
export function interactionsOf(storyId: string): Fold<'stories', readonly Interaction[]> {
  const about = (interactions: readonly Interaction[], { interaction }: { interaction: Interaction }) =>
    interaction.storyId === storyId ? withInteraction(interactions, interaction) : interactions
  return {
    name: `interactions ${storyId}`,
    initial: [],
    on: { interaction_added: about, interaction_updated: about },
    read: async (client, signal) => {
      const { items } = await callForList<Interaction>(client, `/api/stories/${encodeURIComponent(storyId)}/interactions`, 'interactions', signal, Infinity)
      return (_before, withSince) => withSince(items)
    },
  }
}

function withStory(all: Stories, storyId: string, change: (story: ProjectStory) => ProjectStory): Stories {
  const known = all.stories.find(({ id }) => id === storyId)
  const changed = known && change(known)
  if (changed === known) return all
  return { ...all, stories: all.stories.map((story) => (story === known ? changed! : story)) }
}

/** In its old place where it is known, else as the last. What is older than what is known changes nothing. */
function withInteraction(interactions: readonly Interaction[], interaction: Interaction): readonly Interaction[] {
  const known = interactions.find(({ id }) => id === interaction.id)
  if (!known) return [...interactions, interaction]
  if (known.updatedAt > interaction.updatedAt) return interactions
  return interactions.map((old) => (old === known ? interaction : old))
}

function withExport(all: Stories, exportId: string, change: (known: StoryExport) => StoryExport): Stories {
  const known = all.exports.find((known) => known.exportId === exportId)
  const changed = change(known ?? { exportId, status: 'running', progress: 0, processed: 0, total: 0 })
  const exports = known ? all.exports.map((old) => (old === known ? changed : old)) : [changed, ...all.exports]
  return { ...all, exports: exports.slice(0, KEPT_EXPORTS) }
}
