import { lazy, type ComponentType } from 'react'
import { InboxPage } from './inbox/InboxPage'
import { UnreadBadge } from './inbox/UnreadBadge'
import { LivePreviewPage } from './live-preview/LivePreviewPage'
import { StoriesPage } from './stories/StoriesPage'
import { WorkspacePage } from './workspace/WorkspacePage'

export interface Page {
  /** What stands after `#/` in the address. */
  path: string
  title: string
  /** Lines in a square of 24. */
  icon: string
  Page: ComponentType
  /** What stands beside the title, in the navigation. */
  Badge?: ComponentType
}

/** Every page of the app, in the order of the navigation. The first is the one to start with. */
export const pages: [Page, ...Page[]] = [
  {
    path: 'live-preview',
    title: 'Live preview',
    icon: 'M2 12s3.5-7 10-7 10 7 10 7-3.5 7-10 7-10-7-10-7Zm10-3a3 3 0 1 0 0 6 3 3 0 0 0 0-6Z',
    Page: LivePreviewPage,
  },
  {
    path: 'stories',
    title: 'Stories',
    icon: 'M12 6c-2-1.500-5-2-8-2v14c3 0 6 .5 8 2 2-1.500 5-2 8-2V4c-3 0-6 .5-8 2Zm0 0v14',
    Page: StoriesPage,
  },
  {
    path: 'inbox',
    title: 'Inbox',
    icon: 'M4 5h16v14H4ZM4 14h5l1.500 2.500h3L15 14h5',
    Page: InboxPage,
    Badge: UnreadBadge,
  },
  {
    path: 'assistant',
    title: 'Assistant',
    icon: 'M11 3l1.900 5.600L18.500 10.500l-5.600 1.900L11 18l-1.900-5.600L3.500 10.500l5.600-1.900ZM19 16v5M16.500 18.500h5',
    // What renders Markdown weighs as much as all the rest: it comes when it is needed.
    Page: lazy(async () => ({ default: (await import('./assistant/AssistantPage')).AssistantPage })),
  },
  {
    path: 'workspace',
    title: 'Workspace',
    icon: 'M4 4h4.5v16H4ZM10 4h4.5v10H10ZM16 4h4.5v13H16Z',
    Page: WorkspacePage,
  },
]
