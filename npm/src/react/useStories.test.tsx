// @vitest-environment jsdom
import { expect, test } from 'vitest'
import type { Interaction, ServerPayloads, Story } from '../protocol.js'
import type { RoomEvents } from '../protocol.js'
import type { TestServer } from '../testing/index.js'
import { endWithTest, eventually, rendersOnServer, renderWithServer, testServer } from './testing/renderWithServer.js'
import { useStories, type StoriesOptions } from './useStories.js'

endWithTest()

const at = (minute: number) => `2026-01-01T00:${String(minute).padStart(2, '0')}:00.000Z`

const story = (id: string, further: Partial<Story> = {}): Story => ({
  id,
  projectId: '1',
  title: `Story ${id}`,
  uploadedBy: 'ada',
  createdAt: at(0),
  version: 0,
  status: 'processed',
  ...further,
})

const interaction = (id: string, storyId: string, content: string, updatedAt = at(1)): Interaction => ({
  id,
  storyId,
  type: 'comment',
  content,
  authorId: 'grace',
  resolved: false,
  createdAt: at(1),
  updatedAt,
})

/** A server that keeps the stories of a project. */
class StoriesServer {
  readonly server: TestServer = testServer()
  stories = [story('b'), story('a', { transcript: 'Once', version: 1 })]
  exports: object[] = []
  interactions = [interaction('i1', 'a', 'Nice')]
  /** Reads wait for it. */
  reading: Promise<void> = Promise.resolve()
  reads = 0

  constructor() {
    this.server.onRequest('GET /api/projects/1/stories', async () => {
      this.reads += 1
      const stories = [...this.stories]
      await this.reading
      return { stories }
    })
    this.server.onRequest('GET /api/projects/1/exports', () => ({ exports: this.exports }))
    this.server.onRequest('GET /api/stories/{id}/interactions', ({ params }) => ({ interactions: this.interactions.filter(({ storyId }) => storyId === params.id) }))
  }

  tell<Event extends RoomEvents['stories']>(event: Event, payload: Omit<ServerPayloads[Event], 'projectId' | 'timestamp'>): void {
    this.server.deliver('stories:1', event, { projectId: '1', timestamp: at(5), ...payload } as never)
  }
}

async function stories(options: StoriesOptions = {}, kept = new StoriesServer()) {
  const rendered = renderWithServer((options: StoriesOptions) => useStories('1', options), { server: kept.server, initialProps: options })
  await rendered.gives({ status: 'joined' })
  return { ...rendered, kept }
}

test('follows a story from its upload through its processing', async () => {
  const { kept, gives, result } = await stories()
  await gives({ stories: [{ id: 'b' }, { id: 'a' }], interactions: [], exports: [], error: undefined })
  kept.tell('story_uploaded', { story: story('c', { status: 'processing' }), uploadedBy: 'ada' })
  kept.tell('story_processing', { storyId: 'c', stage: 'audio', progress: 0.5 })
  await gives({ stories: [{ id: 'c', status: 'processing', processing: { stage: 'audio', progress: 0.5 } }, { id: 'b' }, { id: 'a' }] })
  kept.tell('story_processed', { story: story('c', { duration: 12, checksum: 'abc' }) })
  await gives({ stories: [{ id: 'c', status: 'processed', duration: 12 }, { id: 'b' }, { id: 'a' }] })
  expect(result.current.stories[0]).not.toHaveProperty('processing')
  expect(kept.reads, 'StrictMode reads once').toBe(1)
})

test('a transcript that two people edit is the newest version', async () => {
  const { kept, gives } = await stories()
  kept.tell('transcript_updated', { storyId: 'a', transcript: 'Once upon a time', updatedBy: 'alan', version: 3 })
  kept.tell('transcript_updated', { storyId: 'a', transcript: 'Once upon', updatedBy: 'grace', version: 2 })
  // What was processed before somebody wrote has the older one.
  kept.tell('story_processed', { story: story('a', { transcript: 'Once', version: 1, wordCount: 1 }) })
  await gives({ stories: [{ id: 'b' }, { id: 'a', transcript: 'Once upon a time', version: 3, wordCount: 1 }] })
})

test('shows what is said about a story', async () => {
  const { kept, gives, rerender } = await stories({ storyId: 'a' })
  await gives({ interactions: [{ id: 'i1', content: 'Nice' }] })
  kept.tell('interaction_added', { interaction: interaction('i2', 'a', 'Why?') })
  kept.tell('interaction_added', { interaction: interaction('i3', 'b', 'of another') })
  kept.tell('interaction_updated', { interaction: { ...interaction('i1', 'a', 'Very nice', at(3)), resolved: true } })
  kept.tell('interaction_updated', { interaction: interaction('i1', 'a', 'Late', at(2)) })
  await gives({ interactions: [{ id: 'i1', content: 'Very nice', resolved: true }, { id: 'i2', content: 'Why?' }] })
  rerender({})
  await gives({ interactions: [{ id: 'i2' }, { id: 'i3' }, { id: 'i1' }] })
})

test('an export goes on until it is ready, or failed', async () => {
  const { kept, gives } = await stories()
  kept.tell('export_started', { exportId: 'x', format: 'zip', requestedBy: 'ada' })
  kept.tell('export_progress', { exportId: 'x', progress: 0.5, processed: 1, total: 2 })
  kept.tell('export_progress', { exportId: 'y', progress: 0.1, processed: 1, total: 10 })
  await gives({ exports: [{ exportId: 'y', progress: 0.1 }, { exportId: 'x', status: 'running', format: 'zip', progress: 0.5, total: 2 }] })
  kept.tell('export_ready', { exportId: 'x', downloadUrl: '/api/exports/x/download', size: 9, expiresAt: at(30) })
  kept.tell('export_failed', { exportId: 'y', code: 'INTERNAL', message: 'no room' })
  await gives({ exports: [{ status: 'failed', message: 'no room' }, { status: 'ready', progress: 1, processed: 2, downloadUrl: '/api/exports/x/download' }] })
})

test('knows the exports that were there before, and goes on with them', async () => {
  const kept = new StoriesServer()
  kept.exports = [
    { id: 'y', projectId: '1', format: 'json', requestedBy: 'ada', createdAt: at(2), status: 'running' },
    { id: 'x', projectId: '1', format: 'zip', requestedBy: 'ada', createdAt: at(1), status: 'ready', downloadUrl: '/api/exports/x/download', size: 9, expiresAt: at(30) },
  ]
  const { gives } = await stories({}, kept)
  await gives({ exports: [{ exportId: 'y', status: 'running', progress: 0 }, { exportId: 'x', status: 'ready', progress: 1, size: 9 }] })
  kept.tell('export_progress', { exportId: 'y', progress: 0.5, processed: 1, total: 2 })
  await gives({ exports: [{ exportId: 'y', progress: 0.5, total: 2 }, { exportId: 'x' }] })
})

test('what happens while the stories are read is neither lost nor undone', async () => {
  const kept = new StoriesServer()
  let letRead = () => {}
  kept.reading = new Promise((resolve) => (letRead = resolve))
  const { gives } = renderWithServer(() => useStories('1'), kept)
  await eventually(() => expect(kept.reads).toBe(1))
  // Both are in what is read, and the second isn't to be undone by the first.
  kept.tell('story_uploaded', { story: story('b', { status: 'processing' }), uploadedBy: 'ada' })
  kept.tell('transcript_updated', { storyId: 'a', transcript: 'Newer', updatedBy: 'alan', version: 2 })
  kept.tell('story_uploaded', { story: story('c'), uploadedBy: 'ada' })
  await gives({ status: 'joining', stories: [{ id: 'c' }, { id: 'b' }] })
  letRead()
  await gives({ status: 'joined', stories: [{ id: 'c' }, { id: 'b', status: 'processed' }, { id: 'a', transcript: 'Newer' }] })
})

test('reads anew when what was missed is lost', async () => {
  const { kept, server, gives } = await stories({ storyId: 'a' })
  kept.stories = [story('z')]
  kept.interactions = [interaction('i9', 'a', 'Missed')]
  server.restart()
  await gives({ status: 'joined', stories: [{ id: 'z' }], interactions: [{ id: 'i9' }] })
})

test('a burst is shown once; what doesn’t change stays the same', async () => {
  const { kept, result, rendersForBurst } = await stories()
  const before = result.current
  kept.tell('export_started', { exportId: 'x', format: 'json', requestedBy: 'ada' })
  expect(await rendersForBurst((count) => kept.tell('export_progress', { exportId: 'x', progress: count / 200, processed: count, total: 200 }))).toBe(1)
  expect(result.current.exports[0]).toMatchObject({ processed: 200 })
  expect(result.current.stories).toBe(before.stories)
  expect(result.current.interactions).toBe(before.interactions)
})

test('says why it is refused, and leaves nothing behind', async () => {
  const kept = new StoriesServer()
  kept.server.refuseRoom('stories:1', 'PROJECT_ACCESS_DENIED')
  const refused = renderWithServer(() => useStories('1'), kept)
  await refused.gives({ status: 'refused', error: { code: 'PROJECT_ACCESS_DENIED' } })
  await refused.leavesNothing()
  const { leavesNothing } = await stories({ storyId: 'a' })
  await leavesNothing()
})

test('is idle without a project and on a server', () => {
  const nothing = { stories: [], interactions: [], exports: [], status: 'idle', error: undefined }
  expect(renderWithServer(() => useStories(undefined)).result.current).toEqual(nothing)
  expect(rendersOnServer(() => useStories('1', { storyId: 'a' })).result).toEqual(nothing)
})
