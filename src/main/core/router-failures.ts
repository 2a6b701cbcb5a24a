/**
 * What becomes of everything that is thrown on the way to a reply.
 *
 * @remarks
 * Calls reply with a coded failure. Streams of a device end with a code; other streams break with one. Proven by
 * `tests/main/core/api.test.ts`.
 *
 * @packageDocumentation
 */
import { ORPCError, ValidationError } from '@orpc/server'
import type { Failure } from '../../shared/api/schemas.ts'
import { failureOf } from './failure.ts'

/** Told of failures that are our own: where, and what was thrown. */
export type Fault = (where: string, error: unknown) => void

/** Streams, and whether their events can carry a code. */
const STREAMS: Readonly<Record<string, { coded: boolean }>> = {
  'system.events': { coded: false },
  'capture.live': { coded: true },
  'capture.read': { coded: true },
  'capture.measure': { coded: true },
  'ledger.verifyAll': { coded: false },
  'ledger.scrub': { coded: false },
}

/**
 * Runs one procedure, and replies whatever happens.
 *
 * @param path - Name of the procedure, such as `capture.live`.
 * @param run - Validates the request, handles it, validates the reply.
 */
export async function answered(path: string, run: () => Promise<unknown>, fault: Fault): Promise<unknown> {
  const stream = STREAMS[path]
  if (stream !== undefined) return guarded(path, run, stream.coded, fault)
  try {
    return await run()
  } catch (error) {
    return failureFor(path, error, fault)
  }
}

/** The stream that `run` opens, with its own end for every failure. */
async function* guarded(path: string, run: () => Promise<unknown>, coded: boolean, fault: Fault): AsyncGenerator {
  try {
    yield* (await run()) as AsyncGenerator
  } catch (error) {
    const { code } = failureFor(path, error, fault)
    if (!coded) throw new ORPCError(code === 'INVALID_REQUEST' ? 'BAD_REQUEST' : code, { cause: error })
    yield { kind: 'ended', code }
  }
}

function failureFor(path: string, error: unknown, fault: Fault): Failure {
  if (error instanceof ORPCError && error.code === 'BAD_REQUEST') {
    return { ok: false, code: 'INVALID_REQUEST', ...detailOf(error.cause) }
  }
  const failure = failureOf(error)
  if (failure.code === 'INTERNAL') fault(path, error)
  return failure
}

/** Which field is wrong. Never what it holds. */
function detailOf(cause: unknown): { detail?: string } {
  const field = cause instanceof ValidationError ? fieldsOf(cause)[0] : undefined
  return field === undefined ? {} : { detail: field.slice(0, 200) }
}

function fieldsOf({ issues }: ValidationError): string[] {
  return issues.map(({ path = [] }) => path.map((key) => String(typeof key === 'object' ? key.key : key)).join('.'))
}

/**
 * One line, or a few, about a failure of our own. Holds no data of requests and replies.
 *
 * @param where - Procedure or part.
 */
export function describeFault(where: string, error: unknown): string {
  const fields = error instanceof ORPCError && error.cause instanceof ValidationError ? fieldsOf(error.cause) : []
  const at = fields.length === 0 ? '' : ` at ${fields.join(', ')}`
  return `${where}: ${error instanceof Error ? (error.stack ?? error.message) : typeof error}${at}`
}
