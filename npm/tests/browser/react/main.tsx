import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { HotPage } from './HotPage.js'
import { FedListPage, ListPage } from './ListPage.js'
import { MountPage } from './MountPage.js'

const { page, url = '', token = '' } = Object.fromEntries(new URLSearchParams(location.search))
const root = createRoot(document.getElementById('app')!)
if (page === 'hot') root.render(<StrictMode><HotPage url={url} token={token} /></StrictMode>)
else if (page === 'mounts') root.render(<StrictMode><MountPage url={url} token={token} /></StrictMode>)
else if (page === 'fed') root.render(<FedListPage />)
else root.render(<ListPage url={url} token={token} />)
