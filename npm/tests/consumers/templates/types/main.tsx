import { createClient, SamewireError } from 'samewire'
import wasm from 'samewire/client.wasm'
import type { StoryUploaded } from 'samewire/protocol'
import { SamewireProvider, useStories } from 'samewire/react'
import { createClient as createSlimClient } from 'samewire/slim'
import { createTestServer } from 'samewire/testing'

export const client = createClient('http://localhost:3000')
export const slim = [createSlimClient('/', { wasm }), createSlimClient('/', { wasm: async () => new ArrayBuffer(0) })]
export const told: StoryUploaded[] = []
client.on('story_uploaded', (uploaded) => told.push(uploaded))
// @ts-expect-error: a room of this kind has no such event
void client.join('room:lobby').then((room) => room.on('story_uploaded', console.log))
client.emit('message:cancel', { conversationId: 'c', messageId: 'm' }).catch((error: unknown) => error instanceof SamewireError && error.code)

function Titles({ projectId }: { projectId: string }) {
  return <p>{useStories(projectId).stories.map((story) => story.title).join()}</p>
}

export const page = <SamewireProvider client={createTestServer().createClient()}><Titles projectId="42" /></SamewireProvider>
