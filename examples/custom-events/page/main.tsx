import { SamewireProvider } from 'cafe-client/react'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { Cafe } from './Cafe.tsx'

const user = new URLSearchParams(location.search).get('user') ?? 'ada'
const token = async () => (await fetch(`/token?${new URLSearchParams({ user })}`)).text()

createRoot(document.getElementById('cafe')!).render(
  <StrictMode>
    <SamewireProvider url="/" token={token}>
      <Cafe name="corner" />
    </SamewireProvider>
  </StrictMode>,
)
