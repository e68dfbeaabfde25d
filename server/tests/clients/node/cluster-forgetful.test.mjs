// Redis without persistence forgets the rooms' logs when it is restarted: every member is told so, and
// nothing is missing that nobody was told of (wire.md, section 4).
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { startCluster } from './cluster.mjs'
import { SETTINGS, gather } from './crowd-of-rooms.mjs'
import { openWayToRedis, startRedis } from './redis.mjs'

const SERVERS = 3
const ROOMS = 10
const EVENTS = 10_000

test('a log that was lost is told as such, and never a silent hole', { timeout: 360_000 }, async (t) => {
  const redis = await startRedis(t)
  const ways = await Promise.all(Array.from({ length: SERVERS }, () => openWayToRedis(t, redis)))
  const cluster = await startCluster(t, SERVERS, (n) => ({ ...SETTINGS, REDIS_URL: ways[n].url }))
  const crowd = await gather(t, cluster, ROOMS)
  // Who doesn't come back by itself was cut off to be told, and is gone.
  const presenceTrueMs = await crowd.live(EVENTS, async () => {
    for (let time = 0; time < 2; time++) {
      await sleep(3_000)
      await redis.restart('SIGKILL')
    }
    await sleep(3_000)
  })
  const told = await crowd.conclude()
  const untold = crowd.members.filter(({ seen }) => seen.resets === 0)
  assert.deepEqual(untold.map((member) => member.describe()), [], 'everybody is told')
  await crowd.agreeOnPresence()
  t.diagnostic(JSON.stringify({ ...told, presenceTrueMs }))
})
