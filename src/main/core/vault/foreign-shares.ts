/**
 * What other sites share, as those who show it ask.
 *
 * @packageDocumentation
 */
import type { ConsentStanding } from '../../../shared/api/consent-schemas.ts'
import type { EntryRef } from '../../../ledger/erasure.ts'
import type { ErasureLeaf } from '../../../ledger/erasure-confirmation.ts'
import type { RecordReplica, RecordSources } from '../verify-record.ts'
import type { AccessPlace } from './chains.ts'
import type { Head, LogReplica } from './log-replica.ts'
import type { Sharing } from './subject-keys.ts'

/** A patient of another site. */
export interface ForeignPatient {
  readonly handle: string
  /** Id of the site. */
  readonly site: string
  /** Of another node of the own site: the workstation that wrote it; null for another clinic's. */
  readonly workstation: Workstation | null
  /** The site's log, as far as it is here, and the keys that it handed over. */
  readonly sources: RecordSources
  readonly head: Head
}

/** Another node of the own site, as far as it was heard. */
export interface Workstation {
  /** Its log. */
  readonly log: string
  /** When all that it had recorded was known here, by our clock, ms since 1970; 0 for not since the start. */
  readonly heardMs: number
}

/** What a log says about a patient who is registered in another of the same site. */
export interface ForeignPart {
  /** Without incarnation. */
  readonly log: string
  /** Its records, under what the patient decided in the log that registered them. */
  readonly sources: RecordSources
  readonly head: Head
}

/** Somebody of another site looked. */
export interface ForeignAccess {
  readonly place: AccessPlace
  /** Id of the site. */
  readonly site: string
  /** Somebody of this clinic did, at another of its workstations: their name can be read here. */
  readonly isOwnSite: boolean
  readonly sources: RecordSources
}

/** A log registers a patient under a handle that is bound to another. */
export interface ForeignClaim {
  /** Log and index of that registration. */
  readonly origin: string
  readonly index: number
  /** Log that the patient is of. */
  readonly owner: string
}

/** Another node said that what an entry erased is gone there. */
export interface Confirmation {
  /** The log of the node. */
  readonly log: string
  /** By its clock, ms since 1970. */
  readonly atMs: number
}

/** What became of what others erased. */
export interface ErasedTold {
  /** Patients of whom something went. */
  readonly changed: readonly string[]
  /** False while somebody else reads the database, so that something may still stand in a file: to be called again. */
  readonly isComplete: boolean
  /** Erasures that were not confirmed, and of which nothing is left in any file. */
  readonly gone: readonly ErasureLeaf[]
}

/** `ForeignLogs` is one. */
export interface ForeignShares {
  /** Reads what came since. All others do so as well, but for {@link decisions} and {@link isOpen}. */
  refresh(): void
  /** Every patient of whom another site shares something, as far as keys are here. */
  patients(): ForeignPatient[]
  /** How many patients a log registered who were not erased; null for any but one of another node of the own site. */
  registeredAt(log: string): number | null
  /** A patient of another site; null when nobody shares one by that handle. */
  patient(handle: string): ForeignPatient | null
  /** Whether this site's people may see a patient of another site, and why. */
  standing(handle: string): Promise<ConsentStanding>
  /**
   * What logs of the site that registered a patient say about them beside the one that did, as far as they are of other
   * nodes: also of a patient of the own log.
   */
  parts(handle: string): ForeignPart[]
  /** Nodes of the own site beside this one, each with when it was heard last. */
  workstations(): Workstation[]
  /** Whether anything of a patient of another node of the own site may be shown for care, as it was worked out last. */
  isOpen(handle: string): boolean
  /** Logs of other nodes of the own site that recorded a reading about a patient whom the own log registered. */
  measured(): { readonly log: string; readonly handle: string }[]
  /** How many versions of consents the log of the own site holds that registered a patient; null for anybody else's. */
  decisions(handle: string): number | null
  /**
   * With whom the keys of what a log of the own site says are shared about a patient whom another log of it registered.
   *
   * @param log - Without incarnation; the own one when left out.
   * @returns Null for anybody else.
   */
  sharing(handle: string, log?: string): Promise<Sharing | null>
  /** Registrations of patients who are another log's. They are never shown. */
  claims(): ForeignClaim[]
  /** Every access in the logs of other sites, of each log oldest first: whoever it was about. */
  accesses(): ForeignAccess[]
  /** The logs of other nodes of a site, as far as they are read here. */
  logsOf(site: string): RecordReplica[]
  /** The log of another node, as far as it is read here. */
  log(origin: string): LogReplica | null
  /** True when a log of another node of the own site holds an entry of this id: ids are the same for the same thing. */
  holdsId(id: Uint8Array): boolean
  /** True when the log of another node of the own site says that a practitioner's key ended. */
  isEnded(publicKey: Uint8Array): boolean
  /**
   * Deletes what other logs erased.
   *
   * @param isSaid - Whether an erasure was confirmed already.
   */
  eraseTold(isSaid: (erasure: ErasureLeaf) => boolean): ErasedTold
  /** Whether the record of an entry of the own log was erased by the log that registered the patient. */
  isErased(place: EntryRef): boolean
  /** Who confirmed an erasure of this node, as far as their logs are read here. */
  confirmations(erasure: EntryRef): Confirmation[]
  /** A chart was shown: from now on {@link outdated} tells when there is more for it. */
  charted(handle: string): void
  /** Patients whose chart was shown and of whom more has come since. */
  outdated(): string[]
}
