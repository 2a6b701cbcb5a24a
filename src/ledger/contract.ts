/**
 * Contracts in the language `chartseal-rules/1`: who must sign what, and who may see what.
 *
 * @remarks
 * A JSON document on the ledger. Evaluation is a pure function of the entry, its signers and the document: every
 * mirror comes to the same verdict. What keeps the ledger itself together (rosters, contracts, seals) cannot be
 * weakened by a document. Layout: `docs/protocol.md`, "Contract". Proven by `tests/ledger/contract.test.ts`.
 *
 * @packageDocumentation
 */
import { equalBytes } from '../shared/bytes.ts'
import type { Entry } from './entry.ts'
import {
  type EntryType,
  isEntryType,
  isPractitionerRole,
  isSignatureRole,
  type PractitionerRole,
  type SignatureRole,
} from './entry-types.ts'
import { LedgerError } from './errors.ts'
import { decodeReading } from './fields.ts'
import { textOfUtf8 } from './hash.ts'

/** The language this module evaluates. */
export const CONTRACT_LANGUAGE = 'chartseal-rules/1'

/** Kinds of screen that a contract opens to roles. */
export const VIEWS = ['clinical', 'demographics', 'people', 'ledger', 'devices'] as const

/** One of {@link VIEWS}. */
export type View = (typeof VIEWS)[number]

/** Who must sign entries of one type. */
export interface Rule {
  /** Exactly these roles, besides `device` when {@link Rule.deviceByMethod} says so. */
  readonly signatures: readonly SignatureRole[]
  /** Roles of practitioners whose signature counts. Empty when none signs. */
  readonly practitioners: readonly PractitionerRole[]
  /** The device a reading names signs exactly when its method is `device`. */
  readonly deviceByMethod: boolean
}

/** A validated contract document. */
export interface Contract {
  readonly language: typeof CONTRACT_LANGUAGE
  /** Types without a rule are refused. */
  readonly entries: ReadonlyMap<EntryType, Rule>
  readonly see: ReadonlyMap<View, readonly PractitionerRole[]>
}

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

/** Rules that every document must contain as they are. */
const FIXED: readonly (readonly [EntryType, SignatureRole])[] = [
  ['roster', 'log'],
  ['contract', 'log'],
  ['node.opened', 'log'],
  ['seal', 'log'],
]

/**
 * Reads a contract document.
 *
 * @param document - Exact bytes, untrusted.
 * @throws {@link LedgerError} `BAD_CONTRACT`.
 */
export function parseContract(document: Uint8Array): Contract {
  const top = record(parseJson(document), ['language', 'entries', 'see'])
  if (top.language !== CONTRACT_LANGUAGE) throw bad('another language')
  const entries = new Map<EntryType, Rule>()
  for (const [type, rule] of Object.entries(record(top.entries, null))) {
    if (!isEntryType(type)) throw bad('a rule for no entry type')
    entries.set(type, readRule(type, rule))
  }
  for (const [type, role] of FIXED) {
    if (entries.get(type)?.signatures.join() !== role) throw bad(`${type} must be signed by ${role} alone`)
  }
  const see = record(top.see, VIEWS)
  return {
    language: CONTRACT_LANGUAGE,
    entries,
    see: new Map(VIEWS.map((view) => [view, list(see[view], isPractitionerRole)])),
  }
}

/**
 * Checks that the signers of an entry are those that `contract` asks for. Returns quietly or throws.
 *
 * @param contract - In force at the entry's place.
 * @param entry - Decoded, its signatures verified.
 * @param signers - One for each signature.
 * @throws {@link LedgerError} `TYPE_REFUSED`, `SIGNATURE_MISSING`, `SIGNATURE_UNEXPECTED`, `ROLE_REFUSED` or
 *   `WRONG_DEVICE`.
 */
export function evaluateEntry(contract: Contract, entry: Entry, signers: readonly Signer[]): void {
  const { type } = entry.body
  const rule = contract.entries.get(type)
  if (rule === undefined) throw new LedgerError('TYPE_REFUSED', `no rule for ${type}`)
  const device = rule.deviceByMethod ? decodeReading(entry.body.fields).device : null
  checkRoles(device === null ? rule.signatures : [...rule.signatures, 'device'], signers)
  for (const signer of signers) {
    if (signer.practitionerRole !== null && !rule.practitioners.includes(signer.practitionerRole)) {
      throw new LedgerError('ROLE_REFUSED', `${signer.practitionerRole} may not sign ${type}`)
    }
    if (device !== null && signer.role === 'device' && !isDevice(signer, device)) {
      throw new LedgerError('WRONG_DEVICE', 'signed by another device than the reading names')
    }
  }
}

/** Checks that each role of `wanted` signed, and no other. */
export function checkRoles(wanted: readonly SignatureRole[], signers: readonly Signer[]): void {
  for (const role of wanted) {
    if (!signers.some((s) => s.role === role)) throw new LedgerError('SIGNATURE_MISSING', `no ${role} signature`)
  }
  const extra = signers.find((signer) => !wanted.includes(signer.role))
  if (extra !== undefined) throw new LedgerError('SIGNATURE_UNEXPECTED', `a ${extra.role} signature`)
}

/** True when practitioners of `role` may see `view`. */
export function maySee(contract: Contract, view: View, role: PractitionerRole): boolean {
  return contract.see.get(view)?.includes(role) ?? false
}

function isDevice(signer: Signer, device: Uint8Array): boolean {
  return signer.handle !== null && equalBytes(signer.handle, device)
}

function readRule(type: EntryType, value: unknown): Rule {
  const rule = record(value, null)
  const known = ['signatures', 'practitioners', 'device']
  if (Object.keys(rule).some((key) => !known.includes(key))) throw bad(`unknown key in the rule of ${type}`)
  const signatures = list(rule.signatures, isSignatureRole)
  const byPractitioner = signatures.includes('practitioner')
  if (byPractitioner !== Object.hasOwn(rule, 'practitioners')) throw bad('practitioners goes with their signature')
  const deviceByMethod = Object.hasOwn(rule, 'device')
  if (deviceByMethod && (type !== 'reading' || rule.device !== 'when-method-is-device')) throw bad('device')
  if (deviceByMethod && signatures.includes('device')) throw bad('device twice')
  const practitioners = byPractitioner ? list(rule.practitioners, isPractitionerRole) : []
  return { signatures, practitioners, deviceByMethod }
}

/** An object with exactly `keys`, or with any when null. */
function record(value: unknown, keys: readonly string[] | null): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw bad('not an object')
  if (keys !== null && Object.keys(value).toSorted().join() !== keys.toSorted().join()) throw bad('keys')
  return value as Record<string, unknown>
}

/** One or more different words of one kind. */
function list<Word extends string>(value: unknown, is: (word: string) => word is Word): readonly Word[] {
  if (!Array.isArray(value) || value.length === 0 || new Set(value).size !== value.length) throw bad('list')
  return (value as readonly unknown[]).map((word) => {
    if (typeof word !== 'string' || !is(word)) throw bad('unknown word')
    return word
  })
}

/**
 * Strict JSON: UTF-8, and no key twice. No string of the language holds white space, so text that loses its white
 * space and is printed again must come out the same; a repeated key, or an odd escape, does not.
 */
function parseJson(document: Uint8Array): unknown {
  const text = textOfUtf8(document)
  if (text === null) throw bad('not UTF-8')
  const value = parseAny(text)
  if (JSON.stringify(value) !== text.replaceAll(/[ \t\r\n]/g, '')) throw bad('a key twice, or an odd spelling')
  return value
}

function parseAny(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch (cause) {
    throw new LedgerError('BAD_CONTRACT', 'not JSON', { cause })
  }
}

function bad(why: string): LedgerError {
  return new LedgerError('BAD_CONTRACT', why)
}
