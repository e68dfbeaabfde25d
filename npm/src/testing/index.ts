import { TestServer } from './TestServer.js'

/** Makes a server for one test. */
export function createTestServer(): TestServer {
  return new TestServer()
}

export { SamewireError } from '../error.js'
export type { RequestHandler, TestRequest } from './routes.js'
export type { Admit, Emitted, EventHandler, TestServer } from './TestServer.js'
