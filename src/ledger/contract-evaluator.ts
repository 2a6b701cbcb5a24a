/**
 * May a mirror cosign these entries: is every one valid under the roster and the contract in force where it stands?
 *
 * @remarks
 * The answer depends on the entries and on which heads are known, and on nothing else. What was judged is remembered as
 * a directory, so that each entry of a log is judged once, in order. An entry that cites a head which has not arrived
 * yet waits for it. Proven by `tests/ledger/contract-evaluator.test.ts`.
 *
 * @packageDocumentation
 */
import { applyEntry, type Directory } from './directory.ts'
import type { Entry } from './entry.ts'
import { LedgerError } from './errors.ts'
import { decodeAccess, type LogHead } from './fields.ts'
import { decodeEmergencyFields, decodeExportFields } from './record-fields.ts'
import type { ContractEvaluator, EntriesVerdict } from './mirror.ts'
import type { SignatureVerifier } from './signatures.ts'
import { verifyEntry } from './verify-entry.ts'

/** What an evaluator reads. */
export interface EvaluatorSources {
  /** Network id, 32 bytes. */
  readonly network: Uint8Array
  readonly verifier: SignatureVerifier
  /** Stored bytes of an entry, proven to be in the log. */
  entry(origin: string, index: number): Uint8Array
  /** The directory that a log starts from: empty, or that of the incarnation before. */
  start(origin: string): Directory
  /** True when a head is one of a log that is held at least that far, or one that was convicted of lying about it. */
  knows(head: LogHead): boolean
}

/** How far a log was judged. */
interface Judged {
  readonly size: number
  readonly directory: Directory
}

/** An evaluator for {@link advance} of `mirror.ts`. */
export function contractEvaluator(sources: EvaluatorSources): ContractEvaluator {
  const judged = new Map<string, Judged>()
  return (origin, from, to) => {
    let { size, directory } = judged.get(origin) ?? { size: 0, directory: sources.start(origin) }
    // After a restart nothing is remembered, and what comes before is judged again: it is what directories are made of.
    for (; size < to; size++) {
      const verdict = judge(sources, { origin, index: size, directory })
      if ('verdict' in verdict) {
        judged.set(origin, { size, directory })
        // Damage below what the mirror came to before: everything asked about now stands on it.
        return verdict.verdict === 'refuse' ? { ...verdict, index: Math.max(from, size) } : verdict
      }
      directory = verdict
    }
    judged.set(origin, { size, directory })
    return { verdict: 'valid' }
  }
}

interface Place {
  readonly origin: string
  readonly index: number
  readonly directory: Directory
}

/** The directory after an entry that is valid. */
function judge(sources: EvaluatorSources, place: Place): Directory | EntriesVerdict {
  const { network, verifier } = sources
  try {
    const { entry } = verifyEntry({ ...place, bytes: sources.entry(place.origin, place.index), network, verifier })
    if (!citedHeads(entry).every((head) => sources.knows(head))) return { verdict: 'wait' }
    return applyEntry(place.directory, place.index, entry)
  } catch (error) {
    if (!(error instanceof LedgerError)) throw error
    return { verdict: 'refuse', index: place.index, code: error.code }
  }
}

/** Heads of other logs that an entry relies on. */
export function citedHeads({ body }: Entry): readonly LogHead[] {
  if (body.type === 'access') return decodeAccess(body.fields).heads
  if (body.type === 'access.emergency') return decodeEmergencyFields(body.fields).heads
  return body.type === 'export' ? decodeExportFields(body.fields).heads : []
}
