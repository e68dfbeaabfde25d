import { expect, it } from 'vitest'
import { numberedUuids } from '../src/uuid.js'

it('names each emit of each client by a UUID of its own', () => {
  const clients = Array.from({ length: 20 }, numberedUuids)
  const ids = clients.flatMap((idOf) => [1, 2, 15, 16, 1_000, 2 ** 40].map(idOf))
  for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  expect(new Set(ids)).toHaveLength(ids.length)
})
