export interface ServerOptions {
  /** A folder to start in again; without one it is a new one. */
  database?: string
  /** Further settings; one that is undefined is not set. */
  env?: Record<string, string | undefined>
  flags?: string[]
  /** Told what the server writes to its log. */
  log?(text: string): void
}

export interface StartedServer {
  /** Where it listens. */
  readonly url: string
  /** Its folder. */
  readonly database: string
  /** Its process. */
  readonly pid: number
  /** Sends a signal, and waits for the end. */
  end(signal: NodeJS.Signals): Promise<{ code: number | null; signal: NodeJS.Signals | null }>
  /** Kills it, and deletes its folder. */
  stop(): Promise<void>
}

/** A server that answers. */
export function startServer(options?: ServerOptions): Promise<StartedServer>

/** A loopback address that no other process of the tests listens at, so that free ports stay free. */
export function ownHost(): string
