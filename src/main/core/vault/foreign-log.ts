/**
 * What is known of one log of another node that is read for display.
 *
 * @packageDocumentation
 */
import type { EntryType } from '../../../ledger/entry-types.ts'
import { decodeConsentFields } from '../../../ledger/people-fields.ts'
import { readErasureConfirmed } from '../../../ledger/erasure-confirmation.ts'
import { isOwnHandle } from '../../../ledger/patient-handle.ts'
import { equalBytes, toHex } from '../../../shared/bytes.ts'
import { assert } from '../../../shared/errors.ts'
import { orNull } from '../../../sync/attempt.ts'
import { nodeHasher } from '../hasher.ts'
import type { RecordSources } from '../verify-record.ts'
import type { Chains, Link } from './chains.ts'
import type { Clinic } from './clinic.ts'
import type { ConsentStandings } from './consent-standing.ts'
import { placeOf } from './erased-records.ts'
import type { LogReplica, TakenEntry } from './log-replica.ts'

/** How fresh the word of another site's node is. */
export interface SiteContact {
  /** A node of the site is connected now. */
  readonly isConnected: boolean
  /** When all that it recorded was known here, or somebody cosigned what is; by our clock, ms since 1970. */
  readonly heardMs: number
}

/** What is shared by one log of another node, with its earlier incarnations. */
export interface ForeignLog {
  /** Of the log, without incarnation. */
  readonly name: string
  /** Incarnations, oldest first: one at least. */
  readonly logs: LogReplica[]
  readonly chains: Chains
  /** Patients that the log registers under handles of its own, lower-case hex. */
  readonly registered: Set<string>
  /** Registrations under handles that are not its own: by whom they were registered first may be seen later. */
  readonly claimed: Claimed[]
  /** Patients of other logs about whom it recorded a reading, or withdrew one. */
  readonly measured: Set<string>
  readonly site: string
  readonly sources: RecordSources
  /** When the log confirmed erasures of this node, by their place; ms since 1970 by its clock. */
  readonly confirmed: Map<string, number>
  /** What patients decided, where the log is of the own site; null for another's. */
  readonly standings: ConsentStandings | null
}

/** A registration under a handle that is bound to another log. */
export interface Claimed {
  /** Where it stands. */
  readonly origin: string
  readonly index: number
  readonly handle: string
}

/** Of one log: more of them say nothing more about it. */
const MAX_CLAIMED = 256

/** What a log may say first about a patient of another log: values, and the word that one of a third log is wrong. */
export const SHARED_TYPES: ReadonlySet<EntryType> = new Set(['reading', 'reading.entered-in-error'])

/** Takes in a proven entry of another node's log. */
export function takeForeign(foreign: ForeignLog, own: Clinic['replica'], log: LogReplica, taken: TakenEntry): void {
  const { chains, registered, claimed } = foreign
  chains.take(log, taken)
  takeConfirmed(foreign, own, taken)
  const { type, subject } = taken.entry.body
  if (SHARED_TYPES.has(type) && subject !== null && !registered.has(toHex(subject)))
    foreign.measured.add(toHex(subject))
  if (type !== 'patient.registered' || subject === null) return
  const handle = toHex(subject)
  if (isOwnHandle(nodeHasher, log.log, taken.entry)) registered.add(handle)
  else if (claimed.length < MAX_CLAIMED) claimed.push({ origin: log.origin, index: taken.index, handle })
}

/** Of what a log confirms, that counts which is an entry of this node: there are no more of those than it wrote. */
function takeConfirmed({ confirmed }: ForeignLog, own: Clinic['replica'], { entry }: TakenEntry): void {
  for (const erasure of orNull(() => readErasureConfirmed(entry)) ?? []) {
    const place = placeOf(erasure)
    const log = own.log(erasure.origin)
    if (log === null || erasure.index >= log.head.size || confirmed.has(place)) continue
    const leaf = orNull(() => log.leafAt(erasure.index))
    if (leaf !== null && equalBytes(leaf, erasure.leaf)) confirmed.set(place, entry.body.time)
  }
}

/** The newest incarnation that was read. */
export function newestOf({ logs }: { readonly logs: readonly LogReplica[] }): LogReplica {
  const newest = logs.at(-1)
  assert(newest !== undefined, 'what is open was read')
  return newest
}

/** Whether a link is a version of a consent. */
export function isVersion(link: Link, consentId: string, version: number): boolean {
  if (link.type !== 'consent.granted' && link.type !== 'consent.amended') return false
  const verified = link.log.verifiedEntry(link.index)
  if ('step' in verified) return false
  const fields = decodeConsentFields(verified.entry.body.fields)
  return toHex(fields.consentId) === consentId && fields.version === version
}
