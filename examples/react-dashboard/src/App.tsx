import { useEffect, useSyncExternalStore } from 'react'
import { ConnectionStatus } from './ConnectionStatus'
import { pages, type Page } from './pages'
import './App.css'

export function App() {
  const { path, title, Page } = useCurrentPage()
  useEffect(() => {
    document.title = `${title} · Samewire`
  }, [title])

  return (
    <>
      <header className="app-header">
        <a className="brand" href="#/" aria-label="Samewire, to the start">
          <Mark />
          <span>Samewire</span>
        </a>
        <nav aria-label="Pages">
          {pages.map((page) => (
            <a key={page.path} href={`#/${page.path}`} aria-current={page.path === path ? 'page' : undefined}>
              {page.title}
            </a>
          ))}
        </nav>
        <ConnectionStatus />
      </header>
      <Page />
    </>
  )
}

function useCurrentPage(): Page {
  const hash = useSyncExternalStore(subscribeToHash, () => location.hash)
  return pages.find(({ path }) => hash === `#/${path}`) ?? pages[0]
}

function subscribeToHash(onChange: () => void): () => void {
  addEventListener('hashchange', onChange)
  return () => removeEventListener('hashchange', onChange)
}

/** Two ends of one wire. */
function Mark() {
  return (
    <svg className="mark" viewBox="0 0 32 16" aria-hidden="true">
      <path d="M5 8c7-12 15 12 22 0" />
      <circle cx="5" cy="8" r="3.5" />
      <circle cx="27" cy="8" r="3.5" />
    </svg>
  )
}
