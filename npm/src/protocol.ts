/** The protocol alone: every event's payload, answer and rooms, its version and its codes. */
export * from './generated/protocol.js'
