// The worker of `openWayAside`.
import { parentPort, workerData } from 'node:worker_threads'
import { openWay } from './way.mjs'

const way = await openWay(workerData)
parentPort.on('message', (what) => way[what]())
parentPort.postMessage(way.url)
