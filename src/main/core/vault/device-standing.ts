/**
 * Whether a device still speaks for itself, and what is on record about it.
 *
 * @packageDocumentation
 */
import { decodeDeviceStatement, type DeviceStatement } from '../../../clinical/device-check.ts'
import { instantText } from '../../../clinical/instant.ts'
import type { VerifiedEntry } from '../../../ledger/verify-entry.ts'
import { toHex } from '../../../shared/bytes.ts'
import { ApiFailure } from '../failure.ts'
import { ContentMismatch, reliedOnContent } from '../verify-record.ts'
import type { Link } from './chains.ts'
import { offsetMinAt, type Clinic, type Viewer } from './clinic.ts'
import type { EntrySigner } from './entry-signer.ts'
import { signerOf } from './genesis.ts'
import type { Replica } from './replica.ts'

/** Name of the secret that a device signs with on this node. */
export function deviceSecret(handle: string): string {
  return `device-${handle}`
}

/**
 * True for a device that was revoked. The directory decides, so a revocation whose row was damaged counts as well.
 *
 * @param handle - Of an enrolled device, in hex.
 */
export function isRevoked({ directory }: Replica, handle: string): boolean {
  const bindings = [...directory.bindings.values()].filter(
    (binding) => binding.role === 'device' && toHex(binding.handle) === handle,
  )
  return bindings.length > 0 && bindings.every(({ until }) => until !== Infinity)
}

/**
 * Signs as a device.
 *
 * @throws ApiFailure `DEVICE_NOT_ENROLLED` when it has no key here, or was revoked.
 */
export function deviceSigner({ keystore, replica }: Clinic, handle: string): EntrySigner {
  const seed = keystore.secrets.get(deviceSecret(handle))
  if (seed === null || isRevoked(replica, handle)) throw new ApiFailure('DEVICE_NOT_ENROLLED')
  return signerOf('device', seed)
}

/** Links of statements about a device, newest first. */
export function statementLinks(replica: Replica, handle: string): Link[] {
  const types = new Set<Link['type']>(['device.checked', 'device.revoked'])
  return replica
    .chain(handle)
    .links.filter(({ type }) => types.has(type))
    .toReversed()
}

/** The newest statement of one kind that verifies; null when there is none. */
export async function newestStatement(
  { replica, keys }: Pick<Clinic, 'replica' | 'keys'>,
  handle: string,
  kind: DeviceStatement['kind'],
): Promise<DeviceStatement | null> {
  for (const link of statementLinks(replica, handle)) {
    if ((link.type === 'device.revoked') !== (kind === 'revoked')) continue
    const statement = await reliedOnContent({ replica, keys }, { subject: handle, link, read: readStatement })
    if (statement?.kind === kind) return statement
  }
  return null
}

/**
 * The statement in a verified plaintext.
 *
 * @throws ClinicalError when it is no statement of ours; ContentMismatch when device, practitioner or kind are not those
 * of the entry.
 */
export function readStatement(text: string, { entry, signers }: VerifiedEntry): DeviceStatement {
  const statement = decodeDeviceStatement(text)
  if (statement.device !== toHex(entry.body.subject ?? new Uint8Array()))
    throw new ContentMismatch('about another device')
  const author = signers.find(({ role }) => role === 'practitioner')?.handle ?? null
  if (author === null || statement.practitioner.handle !== toHex(author))
    throw new ContentMismatch('stated by another practitioner')
  if ((statement.kind === 'revoked') !== (entry.body.type === 'device.revoked'))
    throw new ContentMismatch('another kind of statement')
  return statement
}

/** A statement that nothing was measured for, made now. */
export function plainStatement(
  { identity }: Clinic,
  { handle, name }: Viewer,
  device: string,
  timeMs: number,
): Omit<DeviceStatement, 'kind'> {
  return {
    device,
    practitioner: { handle, name },
    at: instantText(timeMs, offsetMinAt(timeMs)),
    ...{ result: null, due: null, quantities: [], note: null },
    test: identity.demo,
  }
}
