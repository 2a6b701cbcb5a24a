import { ORPCError } from '@orpc/client'
import { API_CODES } from '../../shared/api/codes.ts'
import { ConnectionLostError, useApi } from './client.ts'
import type { ApiClient, Outcome, Problem } from './types.ts'

/**
 * Awaits one call and turns every way to fail into a code.
 *
 * @param run - Makes the call. Throws nothing that reaches the caller.
 */
export async function call<Value>(run: (client: ApiClient) => Promise<Outcome<Value>>): Promise<Outcome<Value>> {
  const api = useApi()
  try {
    return await run(api.client)
  } catch (cause) {
    return problemOf(cause, api.state.value !== 'online')
  }
}

/**
 * Runs a stream until it ends, the signal aborts, or the connection is lost.
 *
 * @param run - Opens the stream.
 * @param each - Receives every event, in order; not called again after `signal` aborted.
 * @returns Null when the stream ended by itself or was aborted, else why it broke.
 */
export async function follow<Event>(
  run: (client: ApiClient, options: { signal: AbortSignal }) => Promise<AsyncIterable<Event>>,
  each: (event: Event) => void,
  signal: AbortSignal,
): Promise<Problem | null> {
  const api = useApi()
  try {
    for await (const event of await run(api.client, { signal })) {
      if (signal.aborted) return null
      each(event)
    }
    return null
  } catch (cause) {
    return signal.aborted ? null : problemOf(cause, api.state.value !== 'online')
  }
}

function problemOf(cause: unknown, isOffline: boolean): Problem {
  if (isOffline || cause instanceof ConnectionLostError) return { ok: false, code: 'OFFLINE' }
  if (cause instanceof ORPCError && cause.code === 'BAD_REQUEST') return { ok: false, code: 'INVALID_REQUEST' }
  // A stream that breaks carries its code as the code of the error.
  const code = API_CODES.find((known) => cause instanceof ORPCError && cause.code === known)
  return { ok: false, code: code ?? 'INTERNAL' }
}
