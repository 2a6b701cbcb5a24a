/**
 * The closed list of entry types, who can sign, and which types are about one subject.
 *
 * @remarks
 * The list is part of entry format 1: a decoder refuses any other type. Which of them a network uses, and who must
 * sign each, is decided by its contract. Proven by `tests/ledger/entry.test.ts`.
 *
 * @packageDocumentation
 */

/** Whether a body has a part: always, never, or as its writer needs. */
export type Presence = 'required' | 'forbidden' | 'optional'

/** What the format asks of a type, before any contract. */
export interface TypeShape {
  /** The 16-byte handle of the patient, practitioner or device that the entry is about. */
  readonly subject: Presence
  /** The binding of an encrypted payload. */
  readonly payload: Presence
}

const NETWORK = { subject: 'forbidden', payload: 'forbidden' } as const satisfies TypeShape
const ABOUT = { subject: 'required', payload: 'optional' } as const satisfies TypeShape
const RECORD = { subject: 'required', payload: 'required' } as const satisfies TypeShape
const FREE = { subject: 'optional', payload: 'optional' } as const satisfies TypeShape

/** Every entry type and its shape. */
export const ENTRY_SHAPES = {
  // network
  roster: NETWORK,
  contract: NETWORK,
  'node.opened': NETWORK,
  // people
  'practitioner.enrolled': ABOUT,
  'practitioner.revoked': ABOUT,
  'patient.registered': RECORD,
  'patient.linked': ABOUT,
  'consent.granted': ABOUT,
  'consent.amended': ABOUT,
  'consent.revoked': ABOUT,
  'record.erased': ABOUT,
  // devices
  'device.enrolled': ABOUT,
  'device.revoked': ABOUT,
  'device.checked': ABOUT,
  // clinical
  reading: RECORD,
  'reading.amended': RECORD,
  'reading.entered-in-error': ABOUT,
  endorsement: ABOUT,
  assessment: RECORD,
  // accountability
  access: FREE,
  'access.emergency': ABOUT,
  incident: FREE,
  export: FREE,
  // blocks
  seal: NETWORK,
} as const satisfies Record<string, TypeShape>

/** One of the closed list of entry types. */
export type EntryType = keyof typeof ENTRY_SHAPES

/** All entry types. */
export const ENTRY_TYPES = Object.keys(ENTRY_SHAPES) as EntryType[]

/** True for a type of the closed list. */
export function isEntryType(type: string): type is EntryType {
  return Object.hasOwn(ENTRY_SHAPES, type)
}

/** In what capacity somebody signs an entry. */
export const SIGNATURE_ROLES = ['log', 'governance', 'practitioner', 'device', 'patient'] as const

/** One of {@link SIGNATURE_ROLES}. */
export type SignatureRole = (typeof SIGNATURE_ROLES)[number]

/** True for one of {@link SIGNATURE_ROLES}. */
export function isSignatureRole(role: string): role is SignatureRole {
  return (SIGNATURE_ROLES as readonly string[]).includes(role)
}

/** What a practitioner is enrolled as. */
export const PRACTITIONER_ROLES = ['physician', 'nurse', 'it', 'auditor'] as const

/** One of {@link PRACTITIONER_ROLES}. */
export type PractitionerRole = (typeof PRACTITIONER_ROLES)[number]

/** True for one of {@link PRACTITIONER_ROLES}. */
export function isPractitionerRole(role: string): role is PractitionerRole {
  return (PRACTITIONER_ROLES as readonly string[]).includes(role)
}
