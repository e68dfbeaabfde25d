import { SamewireProvider } from 'samewire/react'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { App } from './App'
import { CuttableWebSocket } from './connection/socket'
import { token } from './connection/token'
import './theme.css'

createRoot(document.getElementById('app')!).render(
  <StrictMode>
    <SamewireProvider url={location.origin} token={token} options={{ WebSocket: CuttableWebSocket }}>
      <App />
    </SamewireProvider>
  </StrictMode>,
)
