// The network between a client and the server, at the mercy of a test.
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { Worker } from 'node:worker_threads'

/** A way to the server: `url` leads to its `url`, as that is by then, until something is done to it. */
export async function openWay(server) {
  const links = new Set()
  const listener = createServer((near) => {
    const target = new URL(server.url)
    const far = connect(Number(target.port), target.hostname)
    const link = { near, far, stalled: false }
    links.add(link)
    for (const [from, to] of [[near, far], [far, near]]) {
      from.setNoDelay(true)
      from.on('error', () => {})
      from.pipe(to)
      from.on('close', () => {
        links.delete(link)
        to.destroy()
      })
    }
  })
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const each = (act) => () => links.forEach(act)
  return {
    url: `http://127.0.0.1:${listener.address().port}`,
    /** Ends all connections in good order. */
    cut: each(({ near, far }) => {
      near.destroy()
      far.destroy()
    }),
    /** Ends all connections as a machine does that lost its power and is asked again. */
    kill: each(({ near, far }) => {
      reset(near)
      reset(far)
    }),
    /** Takes nothing from the server any more, and lets the connections stand. */
    stall: each((link) => {
      link.stalled = true
      link.far.unpipe(link.near)
      link.far.pause()
    }),
    /** Nothing passes either way, and nobody is told. */
    freeze: each((link) => {
      link.stalled = true
      link.far.unpipe(link.near)
      link.near.unpipe(link.far)
      link.far.pause()
      link.near.pause()
    }),
    /** Undoes a stall. */
    flow: each((link) => {
      if (!link.stalled) return
      link.stalled = false
      link.far.pipe(link.near)
    }),
    close() {
      this.cut()
      listener.close()
    },
  }
}

/** As `openWay`, on a thread of its own: it is as fast as ever, however busy the test is with its clients. */
export async function openWayAside({ url }) {
  const worker = new Worker(new URL('./way-aside.mjs', import.meta.url), { workerData: { url } })
  const [leadsBy] = await once(worker, 'message')
  const tell = (what) => () => worker.postMessage(what)
  const way = Object.fromEntries(['cut', 'kill', 'stall', 'freeze', 'flow'].map((what) => [what, tell(what)]))
  return { ...way, url: leadsBy, close: () => worker.terminate() }
}

/** Without a farewell. One that is being ended in good order can't be reset: Node.js would never let go of it. */
function reset(socket) {
  if (socket.writableEnded) socket.destroy()
  else socket.resetAndDestroy()
}
