/**
 * Whether somebody who signed had been ended by then, as another log of the same site says.
 *
 * @remarks
 * Every node judges by its own log whose keys are in force: one that is cut off takes the signature of somebody who was
 * dismissed meanwhile, and what they sign becomes final. It stays, and is marked wherever it is shown once both are known.
 * Later is later by the clocks of both nodes: logs have no common order. Proven by
 * `tests/main/core/network/late-signer.test.ts`.
 *
 * @packageDocumentation
 */
import { decodePractitionerEnrolled } from '../../../ledger/fields.ts'
import type { VerifiedEntry } from '../../../ledger/verify-entry.ts'
import { equalBytes, toHex } from '../../../shared/bytes.ts'
import type { Link } from './chains.ts'
import type { Replica } from './replica.ts'

/** When the key of a practitioner was ended, ms since 1970; null for one that nobody ended. */
export type EndOfKey = (handle: Uint8Array, publicKey: Uint8Array) => number | null

/**
 * The earliest end of a key that logs of a site say.
 *
 * @param logs - Of the nodes of one site, as far as they are here and proven.
 * @param handle - Of the practitioner, 16 bytes.
 */
export function endOfKey(
  logs: Iterable<Pick<Replica, 'chain'>>,
  handle: Uint8Array,
  publicKey: Uint8Array,
): number | null {
  const ends = [...logs].flatMap((log) => endIn(log.chain(toHex(handle)).links, publicKey) ?? [])
  return ends.length === 0 ? null : Math.min(...ends)
}

/** The first end after the enrolment of the key: whoever was renewed goes on with another. */
function endIn(links: readonly Link[], publicKey: Uint8Array): number | null {
  const enrolled = links.findIndex((link) => link.type === 'practitioner.enrolled' && bindsKey(link, publicKey))
  if (enrolled < 0) return null
  const end = links.slice(enrolled + 1).find(({ type }) => type === 'practitioner.revoked')
  const verified = end === undefined ? null : entryOf(end)
  return verified?.entry.body.time ?? null
}

function bindsKey(link: Link, publicKey: Uint8Array): boolean {
  const verified = entryOf(link)
  return verified !== null && equalBytes(decodePractitionerEnrolled(verified.entry.body.fields).publicKey, publicKey)
}

function entryOf({ log, index }: Link): VerifiedEntry | null {
  const verified = log.verifiedEntry(index)
  return 'step' in verified ? null : verified
}

/** When the access of somebody who signed an entry had been ended before it; null when nobody’s had. */
export function signedAfterEnd({ entry, signers }: VerifiedEntry, endOf: EndOfKey | undefined): number | null {
  if (endOf === undefined) return null
  const ends = signers.flatMap(({ role, handle, publicKey }) =>
    role === 'practitioner' && handle !== null ? (endOf(handle, publicKey) ?? []) : [],
  )
  const before = ends.filter((endMs) => endMs < entry.body.time)
  return before.length === 0 ? null : Math.min(...before)
}
