/**
 * Calls between the API thread and the vault thread: a service on one side, the same methods on the other.
 *
 * @remarks
 * Only a failure's code crosses, as everywhere. The two ends are our own code in one process, so arguments are not
 * validated here; they were on entry to the API. Proven by `tests/main/core/worker-port.test.ts`.
 *
 * @packageDocumentation
 */
import type { MessagePort, Worker } from 'node:worker_threads'
import type { Failure } from '../../shared/api/schemas.ts'
import { ApiFailure, failureOf } from './failure.ts'
import { LocalCalls } from './local-calls.ts'

/** What both `MessagePort` and `Worker` offer. */
type Port = Pick<MessagePort, 'postMessage' | 'on'> | Pick<Worker, 'postMessage' | 'on'>

interface Call {
  readonly id: number
  readonly method: string
  readonly args: readonly unknown[]
}
type Reply =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly failure: Failure }
  | { readonly event: unknown }

/** Methods that may be called from the other thread: any function returning a promise. */
export type Remote<Service> = {
  readonly [
    Name in keyof Service as Service[Name] extends (...args: never[]) => Promise<unknown> ? Name : never
  ]: Service[Name]
}

/**
 * Serves `service` on `port`.
 *
 * @param onFault - Told of failures that are our own, before they cross as `INTERNAL`.
 * @param calls - Counts the calls under way.
 * @returns A function that sends an event to the other side.
 */
export function serve(
  port: Port,
  service: object,
  onFault: (error: unknown) => void,
  calls = new LocalCalls(),
): (event: unknown) => void {
  port.on('message', (call: Call) => {
    const method = (service as Record<string, (...args: unknown[]) => Promise<unknown>>)[call.method]
    const reply = (message: Reply) => {
      port.postMessage(message)
    }
    Promise.resolve()
      .then(async () => {
        if (method === undefined) throw new Error(`no method ${call.method}`)
        const value = await calls.during(call.method, () => method.apply(service, [...call.args]))
        reply({ id: call.id, value })
      })
      .catch((error: unknown) => {
        const failure = failureOf(error)
        if (failure.code === 'INTERNAL') onFault(error)
        reply({ id: call.id, failure })
      })
  })
  return (event) => {
    port.postMessage({ event } satisfies Reply)
  }
}

/**
 * The service at the other end of `port`.
 *
 * @param onEvent - Receives what the service's side sends unasked.
 * @returns The remote methods, and `fail`, which ends every call under way when the other thread is gone.
 */
export function connect<Service extends object>(
  port: Port,
  onEvent: (event: unknown) => void,
): { remote: Remote<Service>; fail: (error: Error) => void } {
  const waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>()
  let nextId = 1
  let gone: Error | null = null
  port.on('message', (reply: Reply) => {
    if ('event' in reply) {
      onEvent(reply.event)
      return
    }
    const call = waiting.get(reply.id)
    waiting.delete(reply.id)
    if ('failure' in reply) {
      const { code, retryAfterS, detail, advice } = reply.failure
      call?.reject(
        new ApiFailure(code, {
          ...(retryAfterS === undefined ? {} : { retryAfterS }),
          ...(detail === undefined ? {} : { detail }),
          ...(advice === undefined ? {} : { advice }),
        }),
      )
    } else call?.resolve(reply.value)
  })
  const remote = new Proxy({} as Remote<Service>, {
    get: (_target, method) => {
      // A proxy that answers `then` would be mistaken for a promise by `await`.
      if (typeof method !== 'string' || method === 'then') return undefined
      return (...args: unknown[]) =>
        new Promise((resolve, reject) => {
          if (gone !== null) {
            reject(gone)
            return
          }
          const id = nextId++
          waiting.set(id, { resolve, reject })
          port.postMessage({ id, method, args } satisfies Call)
        })
    },
  })
  return {
    remote,
    fail: (error) => {
      gone = error
      for (const call of waiting.values()) call.reject(error)
      waiting.clear()
    },
  }
}
