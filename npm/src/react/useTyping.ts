import { useEffect, useMemo } from 'react'
import type { User } from '../protocol.js'
import type { Client } from '../types.js'
import { roomStore, type Fold, type RoomStore } from './roomStore.js'
import { sameFields } from './selected.js'
import { useClient } from './useClient.js'
import { useStore, type Store } from './useStore.js'

export interface TypingState {
  /** Who else types, those who began first before the others. */
  typing: readonly User[]
  /** Says that one types. To be called at each key: it is told to the others now and then. */
  start(): void
  /** Says that one doesn't any more. It comes by itself when no key comes for a while. */
  stop(): void
}

/** Milliseconds after which it is said again that one types: the server ends it after 5 s. */
const REPEAT = 3_000
/** Milliseconds without a key after which one doesn't type any more. */
const IDLE = 4_000

/** Is in a conversation's room while the component is there, and tells who types there. */
export function useTyping({ conversationId }: { conversationId: string }): TypingState {
  const client = useClient()
  const store = roomStore(client, `conversation:${conversationId}`, typingUsers(conversationId))
  const typing = useStore(useMemo(() => othersTyping(client, store), [client, store]))
  const self = useMemo(() => typist(client, conversationId), [client, conversationId])
  useEffect(() => self.stop, [self])
  return useMemo(() => ({ typing, ...self }), [typing, self])
}

/** Who types, the caller's own other tabs among them. Of those who aren't in the room little is known. */
function typingUsers(conversationId: string): Fold<'conversation', readonly User[]> {
  return {
    name: 'typing',
    initial: [],
    on: {
      'typing:start': (typing, { userId }) => (typing.some((other) => other.userId === userId) ? typing : [...typing, unseen(userId)]),
      'typing:stop': (typing, { userId }) => (typing.some((other) => other.userId === userId) ? typing.filter((other) => other.userId !== userId) : typing),
    },
    // The server tells of it as it is, outside of the room's log.
    concerns: (payload) => 'conversationId' in payload && payload.conversationId === conversationId,
    // What was missed may be that somebody stopped; who goes on says so again.
    read: async () => (_before, withSince) => withSince([]),
  }
}

function unseen(userId: string): User {
  const now = new Date().toISOString()
  return { userId, status: 'online', connections: 0, joinedAt: now, lastActiveAt: now }
}

const NOBODY: readonly User[] = []

function othersTyping(client: Client, store: RoomStore<'conversation', readonly User[]>): Store<readonly User[]> {
  let shown = NOBODY
  return {
    idle: NOBODY,
    get() {
      const { value, room } = store.get()
      // Nobody is known to go on while nothing is heard.
      const heard = client.state.status === 'connected' ? value.filter(({ userId }) => userId !== client.session?.userId) : []
      const users = heard.map((typing) => room?.presence.users.find(({ userId }) => userId === typing.userId) ?? typing)
      if (!sameFields(users, shown as User[])) shown = users
      return shown
    },
    subscribe(onChange) {
      const lost = () => {
        // Who stops meanwhile is told to nobody later; who goes on, to who comes back.
        if (client.state.status !== 'connected') store.change(() => NOBODY)
        onChange()
      }
      const unsubscribe = [store.subscribe(onChange), client.subscribe(lost)]
      return () => unsubscribe.forEach((end) => end())
    },
  }
}

/** Says to the others whether one types. */
function typist(client: Client, conversationId: string): Pick<TypingState, 'start' | 'stop'> {
  let saidAt = -Infinity
  let idle: ReturnType<typeof setTimeout> | undefined

  // What is typed while there is no connection is nobody's to know later.
  const say = (event: 'typing:start' | 'typing:stop') => void client.emit(event, { conversationId }, { volatile: true }).catch(() => {})
  const stop = () => {
    if (idle === undefined) return
    clearTimeout(idle)
    idle = undefined
    saidAt = -Infinity
    say('typing:stop')
  }
  const start = () => {
    clearTimeout(idle)
    idle = setTimeout(stop, IDLE)
    if (Date.now() - saidAt < REPEAT) return
    saidAt = Date.now()
    say('typing:start')
  }
  return { start, stop }
}
