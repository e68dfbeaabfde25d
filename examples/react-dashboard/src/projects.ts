import { useFetched } from './api'

/** A project that one owns or is a member of. */
export interface Project {
  id: string
  name: string
  active: boolean
  ownerId: string
  /** Lets a page record visits; its owner alone knows it. */
  ingestKey?: string
}

/** The projects of whom we are signed in as; nothing until they have been read. */
export function useProjects(): Project[] | undefined {
  return useFetched<Project[]>('projects')
}
