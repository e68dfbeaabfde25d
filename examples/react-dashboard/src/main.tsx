import { SamewireProvider } from 'samewire/react'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { App } from './App'
import { token } from './api'
import './theme.css'

createRoot(document.getElementById('app')!).render(
  <StrictMode>
    <SamewireProvider url={location.origin} token={token}>
      <App />
    </SamewireProvider>
  </StrictMode>,
)
