import type { DataUpdated } from '../../../src/protocol.js'

export const ROWS = 200

/** The updates of a list's rows, one after the other. */
export const updateOf = (n: number): DataUpdated => ({
  room: 'room:list',
  entity: 'rows',
  action: 'update',
  id: `row ${n % ROWS}`,
  data: { n },
  version: Math.floor(n / ROWS) + 1,
  userId: 'back end',
  timestamp: '2026-01-01T00:00:00.000Z',
})
