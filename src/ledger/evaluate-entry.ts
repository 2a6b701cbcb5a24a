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
import { decodeReading } from './fields.ts'
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
 * @throws {@link LedgerError} `TYPE_REFUSED`, `SIGNATURE_UNEXPECTED`, `WRONG_DEVICE`, or {@link ContractDenied}.
 */
export function evaluateEntry(contract: Contract, entry: Entry, signers: readonly Signer[]): void {
  const { type } = entry.body
  if (!isGoverned(type) || !contract.knows(`record.${type}`))
    throw new LedgerError('TYPE_REFUSED', `no rule for ${type}`)
  const signable: readonly SignatureRole[] = SIGNABLE[type]
  const extra = signers.find((signer) => !signable.includes(signer.role))
  if (extra !== undefined) throw new LedgerError('SIGNATURE_UNEXPECTED', `a ${extra.role} signature`)
  if (type === 'reading') checkDevice(entry, signers)
  for (const request of requestsOf(entry, type, signers)) {
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
  const context = signaturesIn([signer])
  if (type === 'reading') context.method = { type: 'Method', id: 'manual' }
  const [principal, resource] = [{ type: 'Practitioner', id: role }, resourceOf(true)]
  return contract.decide({ principal, action: `record.${type}`, resource, context })
}

const NOBODY = new Uint8Array(0)

const resourceOf = (isAbout: boolean): PolicyEntity =>
  isAbout ? { type: 'Subject', id: 'one' } : { type: 'Network', id: 'this' }

/** A device that signs a reading is the one that took it. */
function checkDevice(entry: Entry, signers: readonly Signer[]): void {
  const { device } = decodeReading(entry.body.fields)
  const wrong = signers.some(
    (s) => s.role === 'device' && !(s.handle !== null && device !== null && equalBytes(s.handle, device)),
  )
  if (wrong) throw new LedgerError('WRONG_DEVICE', 'signed by another device than the reading names')
}

/** What is asked of the contract: once for each role of practitioner who signs, or for whoever signs without one. */
export function requestsOf({ body }: Entry, type: GovernedType, signers: readonly Signer[]): PolicyRequest[] {
  const context = signaturesIn(signers)
  if (type === 'reading') context.method = { type: 'Method', id: decodeReading(body.fields).method }
  const resource = resourceOf(body.subject !== null)
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

type Counts = Record<string, number | PolicyEntity>

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
    patients: count((s) => s.role === 'patient'),
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
