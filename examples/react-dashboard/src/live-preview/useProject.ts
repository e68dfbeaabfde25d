import { useFetched } from '../api'
import type { IngestProject } from '../ingest'

/** A project, as its owner sees it. */
export interface Project extends IngestProject {
  name: string
  active: boolean
  ownerId: string
}

/** The demo's project: the first active one of whom we are signed in as. */
export function useProject(): Project | undefined {
  const projects = useFetched<Project[]>('projects')
  return projects?.find(({ active, ingestKey }) => active && ingestKey)
}
