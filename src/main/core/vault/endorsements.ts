/**
 * What physicians answer for: that decision support is on, and which oxygen scale a patient has.
 *
 * @remarks
 * The newest proven entry counts; what it says stands in its clear part, the words are sealed. Proven by
 * `tests/main/core/vault/assessments.test.ts`.
 *
 * @packageDocumentation
 */
import { decodeAudit } from '../../../clinical/audit-event.ts'
import { instantText } from '../../../clinical/instant.ts'
import { splitOrigin } from '../../../ledger/names.ts'
import { decodeEndorsementFields, type EndorsementKind } from '../../../ledger/record-fields.ts'
import type { VerifiedEntry } from '../../../ledger/verify-entry.ts'
import type { VerifyStep } from '../../../shared/api/codes.ts'
import type { OxygenScale } from '../../../shared/api/schemas.ts'
import { toHex } from '../../../shared/bytes.ts'
import type { KeyClass } from '../class-keys.ts'
import { checkKeyClass, ContentMismatch, type RecordSources } from '../verify-record.ts'
import type { Link, Place } from './chains.ts'
import { offsetMinAt, type Clinic, type Viewer } from './clinic.ts'
import { practitionerName } from './names.ts'
import { clinicalRecord } from './patient-records.ts'
import { handleOf } from './reading-record.ts'
import type { Replica } from './replica.ts'

const NOBODY_CHOSE: OxygenScale = { scale: 1, by: null, at: null, reason: null }

/** A proven endorsement. */
export interface Endorsed {
  readonly link: Link
  readonly verified: VerifiedEntry
  readonly value: string
}

/** Proven endorsements of one kind, in the order of the chain. */
export function endorsed(links: readonly Link[], kind: EndorsementKind): Endorsed[] {
  return links.flatMap((link) => {
    if (link.type !== 'endorsement') return []
    const verified = link.log.verifiedEntry(link.index)
    if ('step' in verified) return []
    const fields = decodeEndorsementFields(verified.entry.body.fields)
    return fields.kind === kind ? [{ link, verified, value: fields.value }] : []
  })
}

/** The newest, in the order of the log; null for none. */
export function newestOf(all: readonly Endorsed[]): Endorsed | null {
  return all.toSorted((a, b) => (isLater(a.link, b.link) ? -1 : 1))[0] ?? null
}

/** Whether one place of the own log comes after another, also in a later incarnation. */
function isLater(one: Place, other: Place): boolean {
  const order = ({ log, index }: Place): [number, number] => [splitOrigin(log.origin).incarnation, index]
  const [a, b] = [order(one), order(other)]
  return a[0] - b[0] > 0 || (a[0] === b[0] && a[1] > b[1])
}

/**
 * Whether what is gone, or does not verify, may be a later endorsement by one of these subjects than `newest`.
 *
 * @param subjects - Whoever could have made one.
 */
export function mayBeOverruled(
  replica: Pick<Replica, 'chain' | 'unattributedDamage'>,
  subjects: readonly string[],
  newest: Place,
): boolean {
  if (replica.unattributedDamage().some((place) => isLater(place, newest))) return true
  return subjects.some((subject) => {
    const { links, gone } = replica.chain(subject)
    // Of one whose place nobody knows, the next of the chain says how late it can be.
    const before = (seq: number): Place | undefined => links.find((link) => link.seq > seq)
    const places = [...unproven(links), ...gone.map(({ seq, place }) => place ?? before(seq))]
    return places.some((place) => place !== undefined && isLater(place, newest))
  })
}

/** Who signed an entry, by name, and when. */
export async function signedBy(clinic: Clinic, verified: VerifiedEntry): Promise<{ by: string | null; at: string }> {
  const { time } = verified.entry.body
  const author = handleOf(verified, 'practitioner')
  return {
    by: author === null ? null : await practitionerName(clinic, author),
    at: instantText(time, offsetMinAt(time)),
  }
}

/**
 * The oxygen scale of a patient, as somebody chose it last.
 *
 * @param sources - Where less is open than to whoever reads.
 * @returns With the step that failed when the choice cannot be shown: then nothing may be computed on it.
 */
export async function oxygenScaleOf(
  clinic: Clinic,
  viewer: Viewer,
  handle: string,
  sources: RecordSources = clinic,
): Promise<{ scale: OxygenScale; failed: VerifyStep | null }> {
  const { links, gone } = clinic.replica.chain(handle)
  const newest = newestOf(endorsed(links, 'oxygen-scale'))
  // What is gone, or does not verify, may be a later choice: nobody knows.
  const isUnsure = (seq: number) => seq > (newest?.link.seq ?? -1)
  const isKnown = !gone.some(({ seq }) => isUnsure(seq)) && !unproven(links).some(({ seq }) => isUnsure(seq))
  const failed = isKnown ? null : 'completeness'
  if (newest === null) return { scale: NOBODY_CHOSE, failed }
  const { link, verified, value } = newest
  const row = await clinicalRecord(sources, viewer, { handle, link, read: readScale })
  if (row.status === 'rejected' && row.step === 'access') return { scale: NOBODY_CHOSE, failed: 'access' }
  const scale = {
    scale: value === '2' ? (2 as const) : (1 as const),
    ...(await signedBy(clinic, verified)),
    reason: row.status === 'verified' ? row.record : null,
  }
  return { scale, failed: value === '1' || value === '2' ? failed : 'content' }
}

/** Endorsements that do not verify: of which kind they are, nobody knows. */
function unproven(links: readonly Link[]): Link[] {
  return links.filter(({ type, log, index }) => type === 'endorsement' && 'step' in log.verifiedEntry(index))
}

function readScale(text: string, verified: VerifiedEntry, keyClass: KeyClass): string | null {
  const { kind, patient, detail, words, practitioner } = decodeAudit(text)
  const { body } = verified.entry
  const isSame =
    kind === 'oxygen-scale' &&
    patient === toHex(body.subject ?? new Uint8Array()) &&
    detail === decodeEndorsementFields(body.fields).value &&
    practitioner.handle === handleOf(verified, 'practitioner')
  if (!isSame) throw new ContentMismatch('another choice than the entry says')
  checkKeyClass(keyClass, 'assessments')
  return words
}
