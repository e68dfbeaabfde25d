/** The types alone: every event's payload, answer and rooms. */
export type * from './generated/protocol.js'
