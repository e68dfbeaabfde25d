import type { ComponentType } from 'react'
import { LivePreviewPage } from './live-preview/LivePreviewPage'

export interface Page {
  /** What stands after `#/` in the address. */
  path: string
  title: string
  Page: ComponentType
}

/** Every page of the app, in the order of the navigation. The first is the one to start with. */
export const pages: [Page, ...Page[]] = [
  { path: 'live-preview', title: 'Live preview', Page: LivePreviewPage },
]
