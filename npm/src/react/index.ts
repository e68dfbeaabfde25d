'use client'

export type { StreamingAnswer } from './assistant.js'
export type { LiveEvent, LiveSession } from './livePreview.js'
export type { RoomState } from './roomStore.js'
export { SamewireProvider, type SamewireProviderProps } from './SamewireProvider.js'
export { useAssistant, type AssistantHandle, type AssistantState } from './useAssistant.js'
export { useClient } from './useClient.js'
export { useConnectionState } from './useConnectionState.js'
export { useEvent } from './useEvent.js'
export { useInbox, type InboxOptions, type InboxState, type Read } from './useInbox.js'
export { useLivePreview, type LivePreviewState } from './useLivePreview.js'
export { usePresence, type PresenceState } from './usePresence.js'
export {
  useRealtimeUpdates,
  type RealtimeItem,
  type RealtimeUpdates,
  type RealtimeUpdatesOptions,
  type RealtimeUpdatesState,
  type SendUpdate,
} from './useRealtimeUpdates.js'
export { useRoom, type UseRoomOptions } from './useRoom.js'
export type { ProjectStory, StoryExport } from './stories.js'
export { useStories, type StoriesOptions, type StoriesState } from './useStories.js'
export { useTyping, type TypingState } from './useTyping.js'
export { useWebSocket, type Subscription, type WebSocketHandle } from './useWebSocket.js'
