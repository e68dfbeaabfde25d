// @vitest-environment jsdom
import { act } from '@testing-library/react'
import { StrictMode } from 'react'
import { hydrateRoot } from 'react-dom/client'
import { renderToString } from 'react-dom/server'
import { expect, test, vi } from 'vitest'
import { SamewireProvider, useAssistant, useConnectionState, useInbox, useLivePreview, usePresence, useRealtimeUpdates, useRoom, useStories, useTyping } from './index.js'
import { endWithTest, eventually, testServer } from './testing/renderWithServer.js'

endWithTest()

function Everything() {
  const statuses = [
    useConnectionState().status,
    useRoom('room:lobby').status,
    `${usePresence({ roomId: 'lobby' }).onlineCount}`,
    `${useTyping({ conversationId: '1' }).typing.length}`,
    useRealtimeUpdates({ entity: 'tasks', roomId: 'lobby' }).state.status,
    useLivePreview('1').status,
    useStories('1').status,
    useInbox().status,
    useAssistant('1').status,
  ]
  return <p>{statuses.join(' ')}</p>
}

test('what a server rendered is taken over without a word, and comes alive', async () => {
  const server = testServer()
  server.on('data:snapshot', () => ({ items: [], position: server.position('room:lobby') }))
  server.on('open-sessions', () => ({ sessions: [] }))
  server.onRequest('GET /api/projects/{id}/stories', () => ({ stories: [] }))
  server.onRequest('GET /api/projects/{id}/exports', () => ({ exports: [] }))
  server.onRequest('GET /api/inbox/conversations', () => ({ conversations: [], unreadCounts: {}, totalUnread: 0 }))
  server.onRequest('GET /api/conversations/{id}/messages', () => ({ messages: [] }))
  const page = (
    <StrictMode>
      <SamewireProvider client={server.createClient()}>
        <Everything />
      </SamewireProvider>
    </StrictMode>
  )
  const rendered = renderToString(page)
  expect(rendered).toContain('idle idle 0 0 idle idle idle idle idle')

  const complaints = vi.spyOn(console, 'error')
  const container = document.createElement('div')
  container.innerHTML = rendered
  const root = await act(async () => hydrateRoot(container, page))
  await eventually(() => expect(container.textContent).toBe('connected joined 1 0 joined joined joined joined joined'))
  expect(complaints).not.toHaveBeenCalled()
  await act(async () => root.unmount())
})
