/**
 * The typed client of the core's API. The only place where data from the wire becomes `Verified` again: the core
 * sends content only in rows that `verifyRecord` passed, and marks them `status: 'verified'`.
 */
import { createORPCClient, type ClientContext, type ClientLink } from '@orpc/client'
import { shallowReadonly, shallowRef, type ShallowRef } from 'vue'
import type { ApiClient } from './types.ts'
import type { Transport } from './transport.ts'

/** `connecting` until the first connection, `offline` when an open one was lost. */
export type ConnectionState = 'connecting' | 'online' | 'offline'

/** Thrown by calls made while there is no connection. `call` turns it into the code `OFFLINE`. */
export class ConnectionLostError extends Error {}

/** The client, and whether it reaches anybody. */
export interface Api {
  readonly client: ApiClient
  readonly state: Readonly<ShallowRef<ConnectionState>>
  close(): void
}

/** Connects through `transport`, and again whenever the connection is lost. */
export function connectApi(transport: Transport): Api {
  const state = shallowRef<ConnectionState>('connecting')
  let current: ClientLink<ClientContext> | null = null
  const link: ClientLink<ClientContext> = {
    async call(path, input, options) {
      if (current === null) throw new ConnectionLostError('no connection')
      return current.call(path, input, options)
    },
  }
  const close = transport({
    opened(opened) {
      current = opened
      state.value = 'online'
    },
    closed() {
      current = null
      if (state.value === 'online') state.value = 'offline'
    },
  })
  return { client: brand(createORPCClient(link)), state: shallowReadonly(state), close }
}

/**
 * Wraps a raw client of the contract.
 *
 * @param client - Speaks to the core, or in tests to an in-memory router of the same contract.
 */
export function brand(client: object): ApiClient {
  return client as ApiClient
}

let present: Api | null = null

/** Sets the API that stores use; called once by `main.ts`, and by tests. */
export function provideApi(api: Api): void {
  present = api
}

/** The API of this window. */
export function useApi(): Api {
  if (present === null) throw new Error('bug: provideApi comes before any store')
  return present
}
