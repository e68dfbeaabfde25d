// Several servers are one (operations.md, "Backplane"): while a server is killed and another paused, Redis
// is restarted and its connections are cut, every member of a room sees all that was acknowledged once
// and in order, and knows who is there.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { startCluster } from './cluster.mjs'
import { SETTINGS, gather } from './crowd-of-rooms.mjs'
import { openWayToRedis, startRedis } from './redis.mjs'

const SERVERS = 3

/** 300 members and 100,000 events on the store that several servers have, and a fifth of it where that is only made do with. */
const SCALE = Number(process.env.CLUSTER_SCALE ?? (process.env.SAMEWIRE_TEST_POSTGRES === undefined ? 1 : 5))
const ROOMS = 12 * SCALE
const EVENTS = 20_000 * SCALE

test('who is up at the end has seen all that was acknowledged once, in order, and knows who is there', { timeout: 300_000 + 60_000 * SCALE }, async (t) => {
  const redis = await startRedis(t, { persistent: true })
  const ways = await Promise.all(Array.from({ length: SERVERS }, () => openWayToRedis(t, redis)))
  const cluster = await startCluster(t, SERVERS, (n) => ({ ...SETTINGS, REDIS_URL: ways[n].url }))
  const crowd = await gather(t, cluster, ROOMS)
  await crowd.agreeOnPresence(() => true)

  const took = {}
  const isUp = ({ at }) => at === 1
  took.presenceTrueMs = await crowd.live(EVENTS, async () => {
    await sleep(2_000)
    await cluster.kill(0)
    const missed = crowd.missed(0)
    await sleep(4_000)
    await cluster.restart(0)
    took.killedMissedMs = await missed

    ways[1].kill()
    await sleep(1_000)
    ways[0].cut()
    ways[2].kill()
    await sleep(1_000)

    cluster.pause(2)
    const resume = sleep(20_000)
    took.pausedMissedMs = await crowd.missed(2)
    ways[1].cut()
    await resume
    cluster.resume(2)
    await sleep(1_000)

    await redis.restart('SIGKILL')
    await sleep(3_000)
    for (const way of ways) way.kill()
  }, isUp)
  const told = await crowd.conclude()
  const incomplete = crowd.members.filter(({ seen }) => seen.resets > 0 || seen.missing().length > 0)
  assert.deepEqual(incomplete.map((member) => member.describe()), [], 'nobody misses anything')
  await crowd.agreeOnPresence(isUp)
  t.diagnostic(JSON.stringify({ ...told, ...took }))
  assert.ok(told.acknowledged > 0.8 * EVENTS, `${told.acknowledged} of ${told.events} were acknowledged`)
})
