/**
 * Do the signers of an entry satisfy the contract in force?
 *
 * @remarks
 * Signatures are counted here and passed to the policies as numbers, because policies cannot count. What no document
 * can change is fixed here: in which capacities an entry of each type may be signed at all, and that the device which
 * signs a reading is the one that the reading names. Proven by `tests/ledger/evaluate-entry.test.ts`.
 *
 * @packageDocumentation
 */
import { equalBytes, toHex } from '../shared/bytes.ts'
import type { Contract, Decision } from './contract.ts'
import type { Entry } from './entry.ts'
import type { EntryType, PractitionerRole, SignatureRole } from './entry-types.ts'
import { ContractDenied, LedgerError } from './errors.ts'
import { decodeAmendedFields, decodeReading, type ReadingFields } from './fields.ts'
import { type CardCapacity, decodeConsentFields } from './people-fields.ts'
import { decodeEndorsementFields } from './record-fields.ts'
import type { PolicyEntity, PolicyRequest } from './policy-engine.ts'

/** Who signed an entry, once the signature verified under a key that was valid there. */
export interface Signer {
  readonly role: SignatureRole
  readonly publicKey: Uint8Array
  /** Of the practitioner or device, 16 bytes; null for other roles. */
  readonly handle: Uint8Array | null
  /** Null unless the role is `practitioner`. */
  readonly practitionerRole: PractitionerRole | null
  /** Id of the site for `governance` and `log`; null for other roles. */
  readonly site: string | null
  /** Whose card it was; present exactly for the role `patient`, whose handle is the patient's in either case. */
  readonly capacity?: CardCapacity
}

/** Types that a contract decides about. The others hold the ledger together, and have their rules in code. */
export type GovernedType = Exclude<EntryType, 'roster' | 'contract' | 'node.opened' | 'seal'>

/** In which capacities an entry may be signed, whatever a contract says. */
export const SIGNABLE = {
  'practitioner.enrolled': ['practitioner', 'governance'],
  'practitioner.revoked': ['practitioner', 'governance'],
  'patient.registered': ['practitioner', 'patient'],
  'patient.linked': ['practitioner', 'patient'],
  'consent.granted': ['practitioner', 'patient'],
  'consent.amended': ['practitioner', 'patient'],
  'consent.revoked': ['practitioner', 'patient'],
  'record.erased': ['practitioner', 'patient', 'governance'],
  'device.enrolled': ['practitioner'],
  'device.revoked': ['practitioner'],
  'device.checked': ['practitioner', 'device'],
  reading: ['practitioner', 'patient', 'device'],
  'reading.amended': ['practitioner', 'patient', 'device'],
  'reading.entered-in-error': ['practitioner'],
  endorsement: ['practitioner'],
  assessment: ['practitioner'],
  access: ['practitioner'],
  'access.emergency': ['practitioner'],
  incident: ['practitioner', 'log'],
  export: ['practitioner'],
} as const satisfies Record<GovernedType, readonly SignatureRole[]>

/** True for a type that a contract decides about. */
export function isGoverned(type: EntryType): type is GovernedType {
  return Object.hasOwn(SIGNABLE, type)
}

/**
 * Checks that `contract` lets these signers record this entry. Returns quietly or throws.
 *
 * @param contract - In force at the entry's place.
 * @param entry - Decoded, its signatures verified.
 * @param signers - One for each signature.
 * @param asksPatient - The patient's consent asks for the patient's signature on readings.
 * @throws {@link LedgerError} `TYPE_REFUSED`, `SIGNATURE_UNEXPECTED`, `WRONG_DEVICE`, `WRONG_PATIENT`, or {@link ContractDenied}.
 */
export function evaluateEntry(contract: Contract, entry: Entry, signers: readonly Signer[], asksPatient = false): void {
  const { type } = entry.body
  if (!isGoverned(type) || !contract.knows(`record.${type}`))
    throw new LedgerError('TYPE_REFUSED', `no rule for ${type}`)
  const signable: readonly SignatureRole[] = SIGNABLE[type]
  const extra = signers.find((signer) => !signable.includes(signer.role))
  if (extra !== undefined) throw new LedgerError('SIGNATURE_UNEXPECTED', `a ${extra.role} signature`)
  const reading = readingOf(entry)
  if (reading !== null) checkDevice(reading, signers)
  checkPatient(entry, signers)
  for (const request of requestsOf(entry, type, signers, asksPatient)) {
    const { allowed, policy } = contract.decide(request)
    if (!allowed) throw new ContractDenied(policy, `${request.principal.id} and record.${type}`)
  }
}

/**
 * Whether practitioners of `role` may record entries of `type` on their own, apart from what other signatures it needs:
 * asked before somebody starts to write one.
 */
export function decideAuthor(contract: Contract, type: GovernedType, role: PractitionerRole): Decision {
  const signer: Signer = { role: 'practitioner', practitionerRole: role, handle: null, site: null, publicKey: NOBODY }
  const context = { ...signaturesIn([signer]), ...othersOf(type) }
  const [principal, resource] = [{ type: 'Practitioner', id: role }, resourceOf(true)]
  return contract.decide({ principal, action: `record.${type}`, resource, context })
}

/** What others may still add to an entry of `type`: asked is about one person, and not about them. */
function othersOf(type: GovernedType): Facts {
  if (type === 'reading' || type === 'reading.amended') return { method: { type: 'Method', id: 'manual' } }
  if (type === 'record.erased') return { its: 1, physicians: 1 }
  if (isConsent(type)) return { patients: 1, capacity: { type: 'Capacity', id: 'patient' } }
  return {}
}

const NOBODY = new Uint8Array(0)

const resourceOf = (isAbout: boolean): PolicyEntity =>
  isAbout ? { type: 'Subject', id: 'one' } : { type: 'Network', id: 'this' }

/** A device that signs a reading is the one that took it. */
function checkDevice({ device }: ReadingFields, signers: readonly Signer[]): void {
  const wrong = signers.some(
    (s) => s.role === 'device' && !(s.handle !== null && device !== null && equalBytes(s.handle, device)),
  )
  if (wrong) throw new LedgerError('WRONG_DEVICE', 'signed by another device than the reading names')
}

/** A patient signs with a card of their own, or of their guardian. */
function checkPatient({ body: { subject } }: Entry, signers: readonly Signer[]): void {
  const wrong = signers.some(
    ({ role, handle }) => role === 'patient' && (handle === null || subject === null || !equalBytes(handle, subject)),
  )
  if (wrong) throw new LedgerError('WRONG_PATIENT', 'signed with the card of another patient')
}

/** The fields of an entry that is a reading, or takes the place of one. */
function readingOf({ body: { type, fields } }: Entry): ReadingFields | null {
  if (type === 'reading') return decodeReading(fields)
  return type === 'reading.amended' ? decodeAmendedFields(fields) : null
}

function isConsent(type: EntryType): boolean {
  return type === 'consent.granted' || type === 'consent.amended' || type === 'consent.revoked'
}

/** What is asked of the contract: once for each role of practitioner who signs, or for whoever signs without one. */
export function requestsOf(
  entry: Entry,
  type: GovernedType,
  signers: readonly Signer[],
  asksPatient: boolean,
): PolicyRequest[] {
  const context = { ...signaturesIn(signers), ...factsOf(entry, asksPatient) }
  const resource = resourceOf(entry.body.subject !== null)
  return principalsOf(signers).map((principal) => ({ principal, action: `record.${type}`, resource, context }))
}

function principalsOf(signers: readonly Signer[]): PolicyEntity[] {
  const roles = new Set(signers.flatMap(({ practitionerRole }) => practitionerRole ?? []))
  if (roles.size > 0) return [...roles].map((id) => ({ type: 'Practitioner', id }))
  const kind = KINDS.find(([role]) => signers.some((signer) => signer.role === role))
  return [{ type: kind?.[1] ?? 'Node', id: 'one' }]
}

/** Who acts when no practitioner does. */
const KINDS = [
  ['patient', 'Patient'],
  ['device', 'Device'],
  ['governance', 'Site'],
  ['log', 'Node'],
] as const satisfies readonly (readonly [SignatureRole, string])[]

/** What an entry says in the clear that a contract may ask about. */
function factsOf(entry: Entry, asksPatient: boolean): Facts {
  const { type, fields } = entry.body
  const reading = readingOf(entry)
  if (reading !== null) {
    const method = { type: 'Method', id: reading.method }
    return { method, asksPatient, ...(reading.incapable === true ? { capacity: INCAPABLE } : {}) }
  }
  if (isConsent(type)) return { capacity: { type: 'Capacity', id: decodeConsentFields(fields).capacity } }
  if (type === 'endorsement') return { about: { type: 'Endorsement', id: decodeEndorsementFields(fields).kind } }
  return {}
}

const INCAPABLE: PolicyEntity = { type: 'Capacity', id: 'incapable' }

type Facts = Readonly<Record<string, number | boolean | PolicyEntity>>
type Counts = Record<string, number>

/** Who signed, in numbers: people and devices by handle, sites by id, so that nobody counts twice. */
function signaturesIn(signers: readonly Signer[]): Counts {
  const count = (is: (signer: Signer) => boolean) => new Set(signers.filter(is).map(whoIs)).size
  return {
    practitioners: count((s) => s.role === 'practitioner'),
    physicians: count((s) => s.practitionerRole === 'physician'),
    nurses: count((s) => s.practitionerRole === 'nurse'),
    its: count((s) => s.practitionerRole === 'it'),
    auditors: count((s) => s.practitionerRole === 'auditor'),
    devices: count((s) => s.role === 'device'),
    patients: count((s) => s.role === 'patient' && s.capacity !== 'guardian'),
    guardians: count((s) => s.role === 'patient' && s.capacity === 'guardian'),
    governance: count((s) => s.role === 'governance'),
    logs: count((s) => s.role === 'log'),
  }
}

function whoIs({ handle, site, publicKey }: Signer): string {
  return handle === null ? (site ?? toHex(publicKey)) : toHex(handle)
}

/** Checks that each role of `wanted` signed, and no other. */
export function checkRoles(wanted: readonly SignatureRole[], signers: readonly Signer[]): void {
  for (const role of wanted) {
    if (!signers.some((s) => s.role === role)) throw new LedgerError('SIGNATURE_MISSING', `no ${role} signature`)
  }
  const extra = signers.find((signer) => !wanted.includes(signer.role))
  if (extra !== undefined) throw new LedgerError('SIGNATURE_UNEXPECTED', `a ${extra.role} signature`)
}
