import type { IngestProject } from '../ingest'
import { useProjects, type Project } from '../projects'

/** A project whose key one knows: one's own. */
export type OwnProject = Project & IngestProject

/** The demo's project: the first active one of whom we are signed in as; `null` when there is none. */
export function useProject(): OwnProject | null | undefined {
  const projects = useProjects()
  return projects && (projects.find((project): project is OwnProject => project.active && project.ingestKey !== undefined) ?? null)
}
