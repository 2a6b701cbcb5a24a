/**
 * The site's secrets, sealed to its printed recovery key and kept in the database: with a copy of the database and the
 * paper, the site can be opened again on another computer.
 *
 * @remarks
 * HPKE base mode (RFC 9180), DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM; info `chartseal/site-secrets/v1`,
 * aad = network id. Anyone can seal to a public key: what is opened is believed only as far as the network id that is
 * printed beside the key agrees with it. The key that signs the log is never among them, so that a restored node cannot
 * continue a log that goes on elsewhere. Proven by `tests/main/core/vault/restore.test.ts`.
 *
 * @packageDocumentation
 */
import { z } from 'zod'
import { splitOrigin } from '../../../ledger/names.ts'
import { fromHex, toHex } from '../../../shared/bytes.ts'
import type { Keystore } from '../../keystore/keystore.ts'
import { isSecretName } from '../../keystore/secrets.ts'
import type { Store } from '../../store/store.ts'
import { ApiFailure } from '../failure.ts'
import { openSealedToKey, sealToKey } from '../epoch-keys.ts'
import { SECRETS } from './genesis.ts'
import type { Identity } from './identity.ts'
import { UNPRINTED_SECRET } from './unprinted-key.ts'

const INFO = 'chartseal/site-secrets/v1'
const Hex = z.string().regex(/^(?:[0-9a-f]{2})*$/)
const Content = z.strictObject({
  version: z.literal(1),
  // Whoever knows the public key can seal: a name must be one that this program writes here.
  secrets: z.record(
    z.string().refine((name) => isSecretName(name) && !isOfTheNode(name)),
    Hex,
  ),
  practitioners: z.record(z.string().regex(/^[0-9a-f]{32}$/), Hex),
  /** Other halves of patients' cards. */
  cards: z.record(z.string().regex(/^[0-9a-f]{32}$/), Hex),
  /** Newest note that was signed when this was sealed. */
  mark: z.string().max(4096).nullable(),
})

/** The site's secrets in the clear. */
export type SiteSecrets = z.infer<typeof Content>

/** Name of the secret that signs an incarnation of the node's log. */
export function logSecretOf(origin: string): string {
  const { incarnation } = splitOrigin(origin)
  return incarnation === 1 ? SECRETS.log : `${SECRETS.log}-${incarnation}`
}

/** Keys of logs end with the disk, and so does the mark of this computer. A key that waits to be printed opens this itself. */
function isOfTheNode(name: string): boolean {
  return name.startsWith(SECRETS.log) || name === MACHINE_SECRET || name === UNPRINTED_SECRET
}

/** Name of the secret that holds the mark of the computer. */
export const MACHINE_SECRET = 'machine'

/** Seals everything a restored node needs, and stores it in place of what was there. */
export async function storeSiteSecrets(keystore: Keystore, store: Store, identity: Identity): Promise<void> {
  const mark = keystore.highWater.read()
  const content: SiteSecrets = {
    version: 1,
    secrets: Object.fromEntries(
      keystore.secrets
        .names()
        .filter((name) => !isOfTheNode(name))
        .map((name) => [name, toHex(keystore.secrets.get(name) ?? new Uint8Array())]),
    ),
    practitioners: hexOf(keystore.practitioners.files()),
    cards: hexOf(keystore.cards.files()),
    mark: typeof mark === 'object' ? mark.note : null,
  }
  const plain = new TextEncoder().encode(JSON.stringify(content))
  store.putSiteSecrets(await sealToKey(plain, identity.recoveryKey, INFO, identity.network))
}

/**
 * Opens sealed secrets with the printed key.
 *
 * @param sealed - From the database. Untrusted.
 * @param recovery - The printed private key, 32 bytes.
 * @param network - Id of the network that the database claims to be.
 * @throws ApiFailure `BAD_RECOVERY_KEY` when they do not open, `BAD_BACKUP` when they are not what we seal.
 */
export async function openSiteSecrets(
  sealed: Uint8Array,
  recovery: Uint8Array,
  network: Uint8Array,
): Promise<SiteSecrets> {
  const plain = await openSealedToKey(sealed, recovery, INFO, network).catch((cause: unknown) => {
    throw new ApiFailure('BAD_RECOVERY_KEY', { cause })
  })
  try {
    return Content.parse(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(plain)))
  } catch {
    // The parser's message may quote what it read.
    throw new ApiFailure('BAD_BACKUP')
  }
}

function hexOf(files: ReadonlyMap<string, Uint8Array>): Record<string, string> {
  return Object.fromEntries([...files].map(([name, file]) => [name, toHex(file)]))
}

/** Bytes of one of {@link SiteSecrets}, or null. */
export function secretOf(secrets: SiteSecrets, name: string): Uint8Array | null {
  const hex = secrets.secrets[name]
  return hex === undefined ? null : fromHex(hex)
}
