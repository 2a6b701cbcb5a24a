/**
 * What a site shares with a node that it let in, sealed to a key of that node's request.
 *
 * @remarks
 * The private halves of the sharing key and of those before it, the keys of the tray and of repeated records, and what PINs
 * are combined with: what it takes to read what the site can read. Never the governance key, the mirror key, or a key of another node. HPKE base
 * mode as for {@link sealToKey}; info `chartseal/node-secrets/v1`, aad = network, site and log of the node. Who sealed is
 * known by the transport; the sharing key is compared with the roster. Proven by
 * `tests/main/core/network/invitations.test.ts`.
 *
 * @packageDocumentation
 */
import { decodeCbor, encodeCbor, mapOf } from '../../../ledger/cbor.ts'
import { LedgerError } from '../../../ledger/errors.ts'
import { badField, type FieldReader, readMap } from '../../../ledger/fields-reader.ts'
import { MAX_SEALED_SECRETS } from '../../../sync/join.ts'
import { PEPPER_SECRET, type Keystore } from '../../keystore/keystore.ts'
import { EnvelopeError } from '../envelope.ts'
import { openSealedToKey, sealToKey } from '../epoch-keys.ts'
import { ApiFailure } from '../failure.ts'
import { SECRETS } from '../vault/genesis.ts'
import { earlierSharing, MAX_EARLIER } from '../vault/sharing-ring.ts'
import type { Identity } from '../vault/identity.ts'

const INFO = 'chartseal/node-secrets/v1'
const SIZE = 32
/** Longest name of a clinic. */
const MAX_NAME = 200
/** Names in the keystore, in the order of the fields from 3 on. */
const SHARED = [SECRETS.sharing, SECRETS.dedupe, SECRETS.tray, PEPPER_SECRET] as const

/** Field of the sharing keys before. */
const EARLIER = 3 + SHARED.length

/** What a node of a site is told. */
export interface NodeSecrets {
  readonly clinic: string
  /** Its data are invented. */
  readonly demo: boolean
  /** By name in the keystore, 32 bytes each. */
  readonly secrets: ReadonlyMap<string, Uint8Array>
  /** Private halves of the sharing keys before, the newest first, 32 bytes each. */
  readonly earlier: Uint8Array
}

/** Whom secrets are for. */
export interface SecretsFor {
  /** Network id, 32 bytes. */
  readonly network: Uint8Array
  /** Id of the site. */
  readonly site: string
  /** Log of the node. */
  readonly log: string
}

/**
 * @param agreementKey - X25519, 32 bytes, of the request that somebody confirmed.
 * @throws ApiFailure `KEYSTORE_DAMAGED`.
 */
export async function sealNodeSecrets(
  { clinic, demo }: Pick<Identity, 'clinic' | 'demo'>,
  { secrets }: Pick<Keystore, 'secrets'>,
  agreementKey: Uint8Array,
  to: SecretsFor,
): Promise<Uint8Array> {
  const earlier = earlierSharing(secrets)
  const plain = encodeCbor(
    mapOf([
      [1, clinic],
      [2, demo ? 1 : 0],
      ...SHARED.map((name, i) => [3 + i, secrets.get(name) ?? missing()] as const),
      [EARLIER, earlier.length === 0 ? undefined : earlier],
    ]),
  )
  return sealToKey(plain, agreementKey, INFO, aadOf(to))
}

/**
 * Opens {@link sealNodeSecrets}.
 *
 * @param sealed - Untrusted.
 * @param agreementKey - The private half, 32 bytes.
 * @throws ApiFailure `BAD_INVITATION` for what does not open, or is nothing that we seal.
 */
export async function openNodeSecrets(
  sealed: Uint8Array,
  agreementKey: Uint8Array,
  to: SecretsFor,
): Promise<NodeSecrets> {
  try {
    const plain = await openSealedToKey(sealed, agreementKey, INFO, aadOf(to))
    return readMap(decodeCbor(plain, MAX_SEALED_SECRETS), 'node secrets', readSecrets)
  } catch (cause) {
    if (cause instanceof EnvelopeError || cause instanceof LedgerError)
      throw new ApiFailure('BAD_INVITATION', { cause, detail: 'secrets' })
    throw cause
  }
}

function readSecrets(f: FieldReader): NodeSecrets {
  const demo = f.uint(2)
  if (demo > 1) throw badField('node secrets', 2, 'neither')
  const secrets = new Map(SHARED.map((name, i) => [name, f.bytes(3 + i, SIZE)]))
  const earlier = f.optional(EARLIER, (key) => f.blob(key, SIZE, SIZE * MAX_EARLIER)) ?? new Uint8Array(0)
  if (earlier.length % SIZE !== 0) throw badField('node secrets', EARLIER, 'not whole keys')
  return { clinic: f.text(1, 1, MAX_NAME), demo: demo === 1, secrets, earlier }
}

function aadOf({ network, site, log }: SecretsFor): Uint8Array {
  return encodeCbor([network, site, log])
}

function missing(): never {
  throw new ApiFailure('KEYSTORE_DAMAGED')
}
