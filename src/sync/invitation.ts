/**
 * Invitations: what somebody who is to join is given on paper, as a QR code, or in a message.
 *
 * @remarks
 * Says whom to call, and gives a key for one call: the inviter lets in whoever holds it, once and until it expires, to
 * ask to join. It gives no right beyond asking: members vote on a site, and the site's own node admits a workstation.
 * Signed by the governance key of the inviting site, which whoever joins can check when the roster has arrived, and
 * with a checksum against slips. Layout: `docs/protocol.md`, "Invitation". Proven by `tests/sync/invitation.test.ts`.
 *
 * @packageDocumentation
 */
import { ed25519 } from '@noble/curves/ed25519.js'
import { concatBytes, equalBytes, toHex } from '../shared/bytes.ts'
import { assert } from '../shared/errors.ts'
import { type CborValue, decodeCbor, encodeCbor } from '../ledger/cbor.ts'
import { LedgerError } from '../ledger/errors.ts'
import { badField, type FieldReader, readTuple } from '../ledger/fields-reader.ts'
import { HASH_SIZE, nobleHasher, utf8 } from '../ledger/hash.ts'
import { checkPublicKey } from '../ledger/keys.ts'
import { isName } from '../ledger/names.ts'
import { KEY_SIZE, SIGNATURE_SIZE, type SignatureVerifier, type Signer, verifies } from '../ledger/signatures.ts'
import { fromBase32, toBase32 } from './base32.ts'
import { SyncError } from './errors.ts'

/** Longest invitation, in characters: a QR code of it can still be read from a screen. */
export const MAX_INVITATION = 700

/** How every invitation begins; the digit is its version. */
export const INVITATION_PREFIX = 'CHARTSEAL-JOIN1-'

/** Most addresses in one invitation. */
export const MAX_INVITATION_ADDRESSES = 4

const SEED_SIZE = 32
const CHECKSUM_SIZE = 4
/** Text that is looked at: people wrap and group what they paste. */
const MAX_PASTED = 4 * MAX_INVITATION
const DOMAIN = utf8('chartseal/invitation/v1\n')
const KINDS: readonly InvitationKind[] = ['site', 'workstation']
const ADDRESS = /^\/(ip4|ip6|dns|dns4|dns6)\/[0-9a-z.:-]{1,253}\/tcp\/[0-9]{1,5}(\/ws|\/tls\/ws)?$/

/** Who is invited: a clinic of its own, or another workstation of the inviting site. */
export type InvitationKind = 'site' | 'workstation'

/** What an invitation says. */
export interface Invitation {
  readonly kind: InvitationKind
  /** Network id, 32 bytes. */
  readonly network: Uint8Array
  /** Id of the inviting site. */
  readonly site: string
  /** Log of the inviting node. */
  readonly log: string
  /** Ed25519 transport key of the inviting node, 32 bytes. */
  readonly transportKey: Uint8Array
  /** Multiaddrs of the inviting node without its key, most likely ones first; at most {@link MAX_INVITATION_ADDRESSES}. */
  readonly addresses: readonly string[]
  /** Ed25519 seed of the key to call with, 32 bytes. Secret: whoever has it may ask to join. */
  readonly seed: Uint8Array
  /** Unix time in seconds from which on it is void. */
  readonly expiresS: number
}

/** An invitation that was read. Nothing is verified. */
export interface ReadInvitation extends Invitation {
  /** Ed25519, 64 bytes, by the governance key of the inviting site. */
  readonly signature: Uint8Array
}

/**
 * The text of an invitation. Addresses that do not fit are left out, the last ones first.
 *
 * @param invitation - Ours.
 * @param sign - Signs with the governance key of the inviting site.
 */
export function encodeInvitation(invitation: Invitation, sign: Signer): string {
  const body = encodeBody(invitation)
  const signed = concatBytes(body, sign(concatBytes(DOMAIN, body)))
  const text = INVITATION_PREFIX + toBase32(concatBytes(signed, checksumOf(signed)))
  if (text.length <= MAX_INVITATION) return text
  assert(invitation.addresses.length > 0, 'the longest names and the keys alone fit')
  return encodeInvitation({ ...invitation, addresses: invitation.addresses.slice(0, -1) }, sign)
}

/**
 * Reads {@link encodeInvitation}.
 *
 * @param text - Untrusted. White space and lower case do not matter.
 * @throws {@link SyncError} `BAD_INVITATION`.
 */
export function decodeInvitation(text: string): ReadInvitation {
  if (text.length > MAX_PASTED) throw bad('too long')
  const tidy = text.replace(/\s/g, '').toUpperCase()
  if (!tidy.startsWith(INVITATION_PREFIX) || tidy.length > MAX_INVITATION) throw bad('not an invitation')
  const bytes = fromBase32(tidy.slice(INVITATION_PREFIX.length))
  if (bytes === null || bytes.length <= SIGNATURE_SIZE + CHECKSUM_SIZE) throw bad('mistyped')
  const signed = bytes.slice(0, -CHECKSUM_SIZE)
  if (!equalBytes(checksumOf(signed), bytes.slice(-CHECKSUM_SIZE))) throw bad('mistyped')
  return { ...decodeBody(signed.slice(0, -SIGNATURE_SIZE)), signature: signed.slice(-SIGNATURE_SIZE) }
}

/**
 * Checks that the site which an invitation names has made it.
 *
 * @param v - The one verifier.
 * @param invitation - Untrusted.
 * @param governanceKey - Of that site, from a verified roster of that network; 32 bytes.
 * @throws {@link SyncError} `BAD_INVITATION`.
 */
export function checkInvitation(v: SignatureVerifier, invitation: ReadInvitation, governanceKey: Uint8Array): void {
  const message = concatBytes(DOMAIN, encodeBody(invitation))
  if (!verifies(v, invitation.signature, message, governanceKey)) throw bad('not signed by the site that it names')
}

/**
 * True when an invitation is void by its date.
 *
 * @param nowMs - Unix time in milliseconds.
 */
export function isExpired({ expiresS }: Invitation, nowMs: number): boolean {
  return nowMs >= expiresS * 1000
}

/** The key that an invitation lets in, as the network knows peers: lower-case hex. The inviter keeps only this. */
export function oneTimeKeyOf({ seed }: Pick<Invitation, 'seed'>): string {
  return toHex(ed25519.getPublicKey(seed))
}

function encodeBody(invitation: Invitation): Uint8Array {
  const { kind, network, site, log, transportKey, addresses, seed, expiresS } = invitation
  const items: CborValue[] = [KINDS.indexOf(kind), network, site, log, transportKey, [...addresses], seed, expiresS]
  return encodeCbor(items)
}

function decodeBody(body: Uint8Array): Invitation {
  try {
    return readTuple(decodeCbor(body, MAX_INVITATION), 'invitation', (f) => ({
      kind: readKind(f),
      network: f.bytes(1, HASH_SIZE),
      site: readName(f, 2),
      log: readName(f, 3),
      transportKey: readKey(f),
      addresses: f.array(5, 0, MAX_INVITATION_ADDRESSES).map(readAddress),
      seed: f.bytes(6, SEED_SIZE),
      expiresS: f.uint(7),
    }))
  } catch (cause) {
    if (!(cause instanceof LedgerError)) throw cause
    throw bad('not what an invitation says', cause)
  }
}

function readKind(f: FieldReader): InvitationKind {
  const kind = KINDS[f.uint(0)]
  if (kind === undefined) throw badField('invitation', 0, 'unknown kind')
  return kind
}

function readName(f: FieldReader, key: number): string {
  const name = f.text(key, 1, 120)
  if (!isName(name)) throw badField('invitation', key, 'not a name')
  return name
}

function readKey(f: FieldReader): Uint8Array {
  const key = f.bytes(4, KEY_SIZE)
  checkPublicKey(key)
  return key
}

function readAddress(value: CborValue): string {
  if (typeof value !== 'string' || !ADDRESS.test(value)) throw badField('invitation', 5, 'not an address')
  return value
}

/** Against slips, not against anybody: that is what the signature is for. */
function checksumOf(signed: Uint8Array): Uint8Array {
  return nobleHasher.sha256(signed).slice(0, CHECKSUM_SIZE)
}

function bad(why: string, cause?: unknown): SyncError {
  return new SyncError('BAD_INVITATION', why, { cause })
}
