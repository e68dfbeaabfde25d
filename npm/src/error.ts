import type { FailureCode } from './types.js'

/** Why an emit, a join or a connection failed. */
export class SamewireError extends Error {
  override readonly name = 'SamewireError'

  constructor(
    /** For programs. */
    readonly code: FailureCode,
    message: string,
    /** Whether the same may succeed another time. */
    readonly retryable: boolean = false,
    /** Milliseconds after which another try may succeed. */
    readonly retryAfterMs?: number,
    /** With `CONFLICT`: what there is now, of the type of the answer that was refused. */
    readonly current?: unknown,
  ) {
    super(message)
  }
}
