/**
 * An open clinic: the keystore, the replica, the writer, and who is looking.
 *
 * @packageDocumentation
 */
import { type Deed, decideDeed, decideView, type Contract, type Decision, type View } from '../../../ledger/contract.ts'
import type { PractitionerRole } from '../../../ledger/entry-types.ts'
import { decideAuthor, type GovernedType } from '../../../ledger/evaluate-entry.ts'
import { encodeAccess } from '../../../ledger/fields.ts'
import { fromHex } from '../../../shared/bytes.ts'
import type { Moment } from '../../../shared/two-clocks.ts'
import type { Keystore } from '../../keystore/keystore.ts'
import type { Store } from '../../store/store.ts'
import type { RandomBytes } from '../envelope.ts'
import { ApiFailure } from '../failure.ts'
import type { VaultEvent } from '../vault-service.ts'
import type { ClockWatch } from './clock-watch.ts'
import type { ConsentStandings } from './consent-standing.ts'
import type { LogHead } from '../../../ledger/heads.ts'
import type { EndOfKey } from './ended-keys.ts'
import type { ForeignShares } from './foreign-shares.ts'
import type { Grades } from './grades.ts'
import type { Identity } from './identity.ts'
import type { PatientIndex } from './patient-index.ts'
import type { Replica } from './replica.ts'
import type { OpenGlass } from './open-glass.ts'
import type { LogSigner } from './role-keys.ts'
import type { SharingRing } from './sharing-ring.ts'
import type { SubjectKeys } from './subject-keys.ts'
import type { Standing } from './standing.ts'
import type { EntrySigner } from './entry-signer.ts'
import type { Draft, Writer } from './writer.ts'

/** The practitioner whose key is loaded. */
export interface Viewer {
  readonly handle: string
  readonly name: string
  readonly role: PractitionerRole
  readonly signer: EntrySigner
  /** Patients whose demographics this sign-in has already been recorded to have seen. */
  readonly seen: Set<string>
  /** Who the patients are, as far as this sign-in verified it. */
  readonly index: PatientIndex
  /** The same of those whom other workstations of the clinic registered. */
  readonly sisters: PatientIndex
  /** When the PIN was last proven. */
  readonly presence: { provenAt: Moment }
}

export { offsetMinAt } from './local-time.ts'

/** Everything the parts of the vault share. */
export interface Clinic {
  readonly identity: Identity
  readonly keystore: Keystore
  readonly store: Store
  readonly replica: Replica
  /** The site's sharing keys. */
  readonly ring: SharingRing
  readonly keys: SubjectKeys
  readonly writer: Writer
  /** Signs as the live log, with the key that it has now. */
  readonly logSigner: LogSigner
  readonly standing: Standing
  readonly grades: Grades
  /** What patients decided. */
  readonly gate: ConsentStandings
  /** Emergencies that are open. */
  readonly glass: OpenGlass
  readonly random: RandomBytes
  readonly nowMs: () => number
  /** Whether the wall clock can be believed. */
  readonly clock: Pick<ClockWatch, 'look'>
  /** A clock that nobody sets: for how long something lasts. */
  readonly monotonicMs: () => number
  readonly emit: (event: VaultEvent) => void
  /** Seals the site's secrets anew into the database, after keys of people or cards changed. */
  readonly keepSecrets: () => Promise<void>
  /** When the key of a practitioner of this clinic was ended, as any of its machines recorded. */
  readonly endOf: EndOfKey
  /** What other sites share; null while there is no network. */
  foreign: ForeignShares | null
  /** Null when nobody is signed in, or the session is locked. */
  viewer: Viewer | null
}

/** Now, by both clocks of a clinic. */
export function momentOf({ monotonicMs, nowMs }: Pick<Clinic, 'monotonicMs' | 'nowMs'>): Moment {
  return { monotonicMs: monotonicMs(), wallMs: nowMs() }
}

/**
 * Who is looking.
 *
 * @throws ApiFailure `NOT_SIGNED_IN`.
 */
export function viewerOf(clinic: Clinic): Viewer {
  if (clinic.viewer === null) throw new ApiFailure('NOT_SIGNED_IN')
  return clinic.viewer
}

/**
 * Who is looking, when the contract lets that role see `view`.
 *
 * @throws ApiFailure `NOT_SIGNED_IN`, or `NOT_ALLOWED` with the policy.
 */
export function viewerFor(clinic: Clinic, view: View): Viewer {
  return whoMay(clinic, (contract, role) => decideView(contract, view, role))
}

/**
 * Who is acting, when the contract lets that role do `deed`.
 *
 * @throws ApiFailure `NOT_SIGNED_IN`, or `NOT_ALLOWED` with the policy.
 */
export function actorFor(clinic: Clinic, deed: Deed): Viewer {
  return whoMay(clinic, (contract, role) => decideDeed(contract, deed, role))
}

/**
 * Who is writing, when the contract lets that role record entries of `type`.
 *
 * @throws ApiFailure `NOT_SIGNED_IN`, or `NOT_ALLOWED` with the policy.
 */
export function authorFor(clinic: Clinic, type: GovernedType): Viewer {
  return whoMay(clinic, (contract, role) => decideAuthor(contract, type, role))
}

function whoMay(clinic: Clinic, decide: (contract: Contract, role: PractitionerRole) => Decision): Viewer {
  const viewer = viewerOf(clinic)
  const inForce = clinic.replica.contract()
  if (inForce === null) throw new ApiFailure('NOT_ALLOWED')
  const { allowed, policy } = decide(inForce.contract, viewer.role)
  if (!allowed) throw new ApiFailure('NOT_ALLOWED', policy === null ? {} : { detail: policy.id, advice: policy.advice })
  return viewer
}

/** Purpose of an access to a patient's record of which consent keeps everything closed. */
export const NOTHING_SHOWN = 'refused'

/**
 * The entry that records that `viewer` saw a patient's record, or what a list shows of many patients. It cites the
 * emergency that is open for the one patient, and says so when all that was seen is that nothing may be.
 *
 * @param foreign - Heads of other sites' logs that it relies on.
 * @param isEmpty - Nothing of the one patient was shown; null for as the consents of this site's patient say.
 */
export function accessDraft(
  clinic: Clinic,
  viewer: Viewer,
  whose: { subject: string } | { subjects: readonly string[] },
  foreign: readonly LogHead[] = [],
  isEmpty: boolean | null = null,
): Draft {
  const { origin, size, root } = clinic.replica.head
  const subjects = 'subjects' in whose ? whose.subjects.map(fromHex) : null
  const opened = 'subject' in whose ? clinic.glass.of(viewer.handle, whose.subject) : null
  const cited = opened === null ? {} : { emergency: opened.ref }
  const isClosed = 'subject' in whose && opened === null && (isEmpty ?? !clinic.gate.isOpen(whose.subject))
  const purpose = isClosed ? NOTHING_SHOWN : 'care'
  return {
    id: clinic.random(16),
    type: 'access',
    subject: 'subject' in whose ? fromHex(whose.subject) : null,
    timeMs: clinic.nowMs(),
    payload: null,
    fields: encodeAccess({ purpose, heads: [{ origin, size, root }, ...foreign], subjects, ...cited }),
    signers: [viewer.signer],
  }
}

/** UTF-8 of a resource's text. */
export function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}
