/**
 * What a recovery finds out by the way: a history of our own log that contradicts the one this node signed.
 *
 * @remarks
 * A disk that was cloned, or its database put in place of ours, is as sound as ours. The mark is then the only witness of
 * the history that went on here, and recovery replaces the mark: so the proof is kept before that. Proven by
 * `tests/faults/hostile-history.test.ts`.
 *
 * @packageDocumentation
 */
import { encodeFork, proveFork } from '../../../ledger/evidence.ts'
import { utf8 } from '../../../ledger/hash.ts'
import { equalBytes } from '../../../shared/bytes.ts'
import { nodeHasher as h } from '../hasher.ts'
import type { ClinicFiles } from './clinic-files.ts'
import type { LogReplica } from './log-replica.ts'
import { addEvidenceCopy } from './standing.ts'
import type { Survivor } from './survivors.ts'

/** Whether a log that is here contradicts the newest note that its node is known to have signed. */
export function contradictsMark({ log, mark }: Pick<Survivor, 'log' | 'mark'>): boolean {
  if (log === null || mark === null || mark.size > log.head.size) return false
  return !equalBytes(log.trusted.tree.rootAt(mark.size), mark.root)
}

/** Keeps the proof where the database does not reach, and in it. Durable when the promise resolves. */
export async function keepOtherHistory(
  { keystore, store }: ClinicFiles,
  survivor: Survivor,
  nowMs: number,
): Promise<void> {
  const { log, mark, origin } = survivor
  if (log === null || mark === null || !contradictsMark(survivor)) return
  const text = proofOf(log, mark.note)
  await addEvidenceCopy(keystore, text)
  store.putEvidence({ id: h.sha256(utf8(text)), origin, text, receivedAtMs: nowMs })
}

function proofOf({ head, trusted }: LogReplica, note: string): string {
  return encodeFork(proveFork(head.note, note, trusted.tree))
}
