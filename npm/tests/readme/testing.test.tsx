// @vitest-environment jsdom
import { render, screen } from '@testing-library/react'
import { useState } from 'react'
import { SamewireProvider, useEvent, useRoom } from 'samewire/react'
import { createTestServer } from 'samewire/testing'
import { expect, test } from 'vitest'

function Watch({ projectId }: { projectId: string }) {
  const [keys, setKeys] = useState('')
  const { room, status } = useRoom(`project:${projectId}`)
  useEvent('event-received', ({ event }) => setKeys((all) => all + (event.keyChar ?? '')), { room })
  return <p>{status}: {keys}</p>
}

const typed = (keyChar: string) => ({
  sessionId: 's1',
  externalUserId: 'visitor',
  event: { eventType: 'keydown', timestamp: '2026-01-01T00:00:00.000Z', keyChar },
})

test('shows what is typed, whatever happens to the connection', async () => {
  const server = createTestServer()
  render(<SamewireProvider client={server.createClient()}><Watch projectId="42" /></SamewireProvider>)
  await screen.findByText('joined:')

  server.deliver('project:42', 'event-received', typed('H'))
  await screen.findByText('joined: H')

  server.drop()
  server.deliver('project:42', 'event-received', typed('i'))
  await screen.findByText('joined: Hi')

  server.refuseRoom('project:42', 'PROJECT_INACTIVE')
  await screen.findByText('refused: Hi')
  expect(server.emits).toEqual([{ event: 'room:join', payload: { room: 'project:42' }, userId: 'ada' }])
  server.close()
})
