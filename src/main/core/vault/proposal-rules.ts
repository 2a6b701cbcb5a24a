/**
 * What two proposals have to do with each other, with what this site did, and with what is final.
 *
 * @packageDocumentation
 */
import { splitOrigin } from '../../../ledger/names.ts'
import type { LastApproval } from '../../../ledger/next-roster.ts'
import type { FrozenLog, Roster } from '../../../ledger/roster.ts'
import type { OpenProposal, ProposalFile } from '../../../ledger/roster-proposal.ts'
import { equalBytes, toHex } from '../../../shared/bytes.ts'

/** Everybody whom a roster lists: sites, logs, witnesses. */
export function namesIn({ sites }: Roster): ReadonlySet<string> {
  return new Set(
    sites.flatMap(({ id, nodes, witnesses }) => [
      id,
      ...nodes.map(({ log }) => log),
      ...witnesses.map(({ name }) => name),
    ]),
  )
}

/** Whether a log that is frozen so would lose something that is final; an end in an earlier incarnation drops the later ones. */
export function isBefore(frozen: FrozenLog, final: FrozenLog): boolean {
  const [end, known] = [splitOrigin(frozen.origin), splitOrigin(final.origin)]
  if (end.log !== known.log || end.incarnation > known.incarnation) return false
  if (end.incarnation < known.incarnation) return final.size > 0
  return frozen.size < final.size || (frozen.size === final.size && !equalBytes(frozen.root, final.root))
}

/** Whether a site's last approval was of this proposal. */
export function isOf(last: LastApproval | null, { roster, hash }: OpenProposal): boolean {
  return last?.version === roster.version && last.attempt === roster.attempt && equalBytes(last.hash, hash)
}

/** Both files' approvals of one document; null when they are of two. */
export function mergedFile(waiting: OpenProposal, open: OpenProposal): ProposalFile | null {
  if (!equalBytes(waiting.file.document, open.file.document)) return null
  const known = new Set(waiting.file.approvals.map(({ publicKey }) => toHex(publicKey)))
  const more = open.file.approvals.filter(({ publicKey }) => !known.has(toHex(publicKey)))
  return { ...waiting.file, approvals: [...waiting.file.approvals, ...more] }
}
