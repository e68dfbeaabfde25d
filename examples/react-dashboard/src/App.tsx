import { Suspense, useEffect, useState } from 'react'
import { ConnectionPanel } from './connection/ConnectionPanel'
import { ConnectionStatus } from './connection/ConnectionStatus'
import { useConnectionLog } from './connection/useConnectionLog'
import { pages } from './pages'
import { UserMenu } from './people/UserMenu'
import { useRoute } from './route'
import './App.css'

export function App() {
  const { path } = useRoute()
  const { title, Page } = pages.find((page) => page.path === path) ?? pages[0]
  const log = useConnectionLog()
  const [open, setOpen] = useState(false)
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
            <a key={page.path} href={`#/${page.path}`} aria-current={page.title === title ? 'page' : undefined}>
              <svg viewBox="0 0 24 24" aria-hidden="true">
                <path d={page.icon} />
              </svg>
              {page.title}
              {page.Badge && (
                <span className="nav-badge">
                  <page.Badge />
                </span>
              )}
            </a>
          ))}
        </nav>
        <UserMenu />
        <ConnectionStatus open={open} onToggle={() => setOpen(!open)} />
      </header>
      <div className="app-page">
        <Suspense>
          <Page />
        </Suspense>
      </div>
      {open && <ConnectionPanel log={log} onClose={() => setOpen(false)} />}
    </>
  )
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
