import { z } from 'zod'
import { fromHex, toHex } from '../../../shared/bytes.ts'
import { KeystoreError } from '../../keystore/errors.ts'
import type { Secrets } from '../../keystore/secrets.ts'

/**
 * Who this node is and what it trusts: the anchors that must not come from the database file.
 *
 * @packageDocumentation
 */

const Bytes = (size: number) =>
  z
    .string()
    .regex(new RegExp(`^[0-9a-f]{${size * 2}}$`))
    .transform(fromHex)
const Content = z.strictObject({
  version: z.literal(1),
  network: Bytes(32),
  /** Origin of the node's log, with its incarnation. */
  origin: z.string(),
  /** The origin without its incarnation. */
  log: z.string(),
  logKey: Bytes(32),
  /** Keys that the log had before, or gets with a roster that is being recorded: which one counts, the log says. */
  otherLogKeys: z.array(Bytes(32)).default([]),
  site: z.string(),
  clinic: z.string(),
  demo: z.boolean(),
  sharingKey: Bytes(32),
  recoveryKey: Bytes(32),
  /** Earlier incarnations, oldest first, each with the note up to which it is part of the record. */
  closed: z.array(z.object({ origin: z.string(), logKey: Bytes(32), note: z.string() })),
  /** First note of the live incarnation: stands in for a high-water mark that still speaks of the one before. */
  openedWith: z.string().nullable(),
  /** Origins of which entries came from another copy, perhaps of another node: those keep not every block's checkpoint. */
  fetched: z.array(z.string()).optional(),
})

/** The pinned identity of a node. */
export type Identity = z.infer<typeof Content>

const NAME = 'identity'

/** File of the keystore that holds the network id in the clear. `cli/data-folder.ts` reads it. */
const NETWORK_ID_FILE = 'network-id'

/**
 * The identity in an open keystore.
 *
 * @throws KeystoreError `KEYSTORE_DAMAGED` when it is missing or not an identity.
 */
export function readIdentity(secrets: Secrets): Identity {
  try {
    return Content.parse(readJson(secrets, NAME))
  } catch (cause) {
    throw new KeystoreError('KEYSTORE_DAMAGED', 'identity', { cause })
  }
}

/** Pins the identity. Durable when the promise resolves. */
export async function writeIdentity(secrets: Secrets, identity: Identity): Promise<void> {
  const { network, logKey, otherLogKeys, sharingKey, recoveryKey, closed, ...rest } = identity
  const text = {
    ...rest,
    network: toHex(network),
    logKey: toHex(logKey),
    otherLogKeys: otherLogKeys.map(toHex),
    sharingKey: toHex(sharingKey),
    recoveryKey: toHex(recoveryKey),
    closed: closed.map(({ origin, logKey: key, note }) => ({ origin, logKey: toHex(key), note })),
  }
  await writeJson(secrets, NAME, text)
  // For `chartseal verify`, which has no passphrase: no secret, and as trustworthy as the folder it lies in.
  secrets.publish(NETWORK_ID_FILE, `${toHex(network)}\n`)
}

/** A JSON secret, or null when there is none. */
export function readJson(secrets: Secrets, name: string): unknown {
  const bytes = secrets.get(name)
  return bytes === null ? null : (JSON.parse(new TextDecoder().decode(bytes)) as unknown)
}

/** Stores a JSON secret. */
export async function writeJson(secrets: Secrets, name: string, value: unknown): Promise<void> {
  await secrets.put(name, new TextEncoder().encode(JSON.stringify(value)))
}
