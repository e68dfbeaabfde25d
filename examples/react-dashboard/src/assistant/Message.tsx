import { memo } from 'react'
import Markdown, { type Components } from 'react-markdown'
import remarkGfm from 'remark-gfm'
import '../bubble.css'

interface MessageProps {
  role: 'user' | 'assistant'
  content: string
  /** It broke off, or was stopped. */
  incomplete?: boolean
  /** It still comes in. */
  streaming?: boolean
}

/** What was said, with its Markdown. HTML in it stays text, and nothing is loaded from elsewhere. */
export const Message = memo(function Message({ role, content, incomplete = false, streaming = false }: MessageProps) {
  return (
    <article className={role === 'user' ? 'message bubble' : 'message'} data-role={role} data-streaming={streaming} aria-label={role === 'user' ? 'You' : 'Assistant'}>
      <Markdown remarkPlugins={PLUGINS} components={COMPONENTS} disallowedElements={NOT_LOADED}>
        {content}
      </Markdown>
      {incomplete && <p className="pill" data-tone="wait">Stopped</p>}
    </article>
  )
})

const PLUGINS = [remarkGfm]
const NOT_LOADED = ['img']

const COMPONENTS: Components = {
  a: ({ href, children }) => (
    <a href={href} target="_blank" rel="noreferrer">
      {children}
    </a>
  ),
  // A page has its headings, and these are none of them.
  h1: ({ children }) => <h3>{children}</h3>,
  h2: ({ children }) => <h3>{children}</h3>,
  table: ({ children }) => (
    <div className="wide" tabIndex={0}>
      <table>{children}</table>
    </div>
  ),
}
