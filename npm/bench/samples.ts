/** What is sent and received: events of the catalogue at three sizes, with values that differ. */

/** An event in one of the sizes. */
export interface Sample {
  readonly event: string
  /** The room that it is sent to, where a server sends it. */
  readonly room: string
  /** About how long its payload is, as JSON. */
  readonly bytes: number
  /** What the payload is made of. */
  readonly of: 'fields' | 'text' | 'objects'
  /** The payload of the one with this number. */
  payload(number: number): unknown
  /** What a server acknowledges it with. */
  answer?(payload: any): unknown
}

const SIZES = { small: 150, medium: 1_024, large: 16_384 }

/** From the server to a room. */
export const received: readonly Sample[] = [
  { event: 'event-received', room: 'project:42', bytes: SIZES.small, of: 'fields', payload: keydown },
  transcript(SIZES.medium),
  { event: 'new_message', room: 'user:ada', bytes: SIZES.medium, of: 'objects', payload: newMessage },
  transcript(SIZES.large),
  {
    event: 'data:update',
    room: 'room:plans',
    bytes: SIZES.large,
    of: 'objects',
    payload: (number) => ({ ...update(number), id: 'task-board', version: number, userId: 'ada', timestamp: time(number), data: board(number, SIZES.large - 160) }),
  },
]

/** From a client, with what it is answered. */
export const sent: readonly Sample[] = [message(SIZES.small), message(SIZES.medium), boards(SIZES.medium), message(SIZES.large), boards(SIZES.large)]

function keydown(number: number) {
  return { sessionId: `s-${number % 50}`, externalUserId: 'visitor-4711', event: { eventType: 'keydown', timestamp: time(number), keyChar: 'k', field: 'q' } }
}

function transcript(bytes: number): Sample {
  const text = prose(bytes - 150)
  const payload = (number: number) => ({ projectId: '42', timestamp: time(number), storyId: 'story-7', transcript: `${number} ${text}`, updatedBy: 'ada', version: number })
  return { event: 'transcript_updated', room: 'stories:42', bytes, of: 'text', payload }
}

function newMessage(number: number) {
  const text = prose(380)
  return {
    timestamp: time(number),
    message: {
      id: `message-${number}`,
      conversationId: 'conversation-3',
      platform: 'whatsapp',
      externalMessageId: `wamid.${number}`,
      sender: { id: '4917012345678', name: 'Grace Hopper' },
      text,
      sentAt: time(number),
      status: 'delivered',
    },
    conversation: {
      id: 'conversation-3',
      platform: 'whatsapp',
      externalConversationId: '4917012345678',
      title: 'Grace Hopper',
      unreadCount: number % 100,
      lastMessage: text.slice(0, 80),
      lastMessageAt: time(number),
    },
  }
}

function message(bytes: number): Sample {
  const text = prose(bytes - 60)
  return {
    event: 'message:send',
    room: 'conversation:3',
    bytes,
    of: bytes === SIZES.small ? 'fields' : 'text',
    payload: (number) => ({ conversationId: 'conversation-3', content: `${number} ${text}` }),
    answer: ({ conversationId, content }) => ({ id: 'message-1', conversationId, role: 'user', content, incomplete: false, createdAt: time(1) }),
  }
}

function boards(bytes: number): Sample {
  return {
    event: 'data:update',
    room: 'room:plans',
    bytes,
    of: 'objects',
    payload: (number) => ({ ...update(number), id: 'task-board', baseVersion: number, data: board(number, bytes - 110) }),
    answer: ({ id, data }) => ({ id, version: 2, data }),
  }
}

function update(number: number) {
  return { room: 'room:plans', entity: `board-${number % 10}`, action: 'update' }
}

/** Rows of an array until it is about so long. */
function board(number: number, bytes: number) {
  const row = (index: number) => ({ id: `task-${index}`, title: 'Write the minutes', done: index % 3 === 0, points: number % 40, at: { x: index * 8, y: 12.5 }, tags: ['plan', 'team'] })
  const count = Math.round(bytes / (JSON.stringify(row(10)).length + 1))
  return Array.from({ length: count }, (_, index) => row(index))
}

function prose(length: number): string {
  const line = 'The tide came in before anybody had counted the boats, and nobody said a word. '
  return line.repeat(Math.ceil(length / line.length)).slice(0, length)
}

function time(number: number): string {
  return new Date(1_767_225_600_000 + number).toISOString()
}
