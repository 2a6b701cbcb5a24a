/**
 * The first block of a network of one site: roster, contract, the node's log, and the first administrator.
 *
 * @packageDocumentation
 */
import { CONTRACT_LANGUAGE } from '../../../ledger/contract.ts'
import { encodeContractFields, encodeNodeOpened, encodeRosterFields } from '../../../ledger/fields.ts'
import { type Approval, contractMessage, rosterMessage } from '../../../ledger/governance.ts'
import { originOf } from '../../../ledger/names.ts'
import { soloPolicy } from '../../../ledger/policy.ts'
import { encodeRoster, mirrorNameOf, networkIdOf } from '../../../ledger/roster.ts'
import { COSIGNATURE_V1, type VerifierKey } from '../../../ledger/vkey.ts'
import { toHex } from '../../../shared/bytes.ts'
import type { HighWaterMark } from '../../keystore/high-water.ts'
import type { Keystore } from '../../keystore/keystore.ts'
import { keyPairFromSeed, sign, wipe } from '../../keystore/sodium.ts'
import type { Store } from '../../store/store.ts'
import type { RandomBytes } from '../envelope.ts'
import { generateSharingKeyPair } from '../epoch-keys.ts'
import { ApiFailure } from '../failure.ts'
import { nodeHasher as h } from '../hasher.ts'
import { writeFirstBlock, type PlainEntry } from './first-block.ts'
import { writeIdentity, type Identity } from './identity.ts'
import type { EntrySigner } from './entry-signer.ts'

/** Names of the node's secrets in the keystore. */
export const SECRETS = {
  log: 'log-seed',
  governance: 'governance-seed',
  mirror: 'mirror-seed',
  transport: 'transport-seed',
  sharing: 'sharing-private',
  dedupe: 'dedupe-key',
  tray: 'tray-key',
} as const

/**
 * One of {@link SECRETS}.
 *
 * @throws ApiFailure `KEYSTORE_DAMAGED`.
 */
export function secretOf({ secrets }: Pick<Keystore, 'secrets'>, name: string): Uint8Array {
  const bytes = secrets.get(name)
  if (bytes === null) throw new ApiFailure('KEYSTORE_DAMAGED')
  return bytes
}

/** What a new clinic starts from. */
export interface GenesisRequest {
  readonly clinic: string
  readonly demo: boolean
  /** Bytes of the contract document. */
  readonly contract: Uint8Array
  readonly nowMs: number
}

/**
 * Makes the keys of a new site and node, pins its identity, and writes block 0.
 *
 * @param keystore - New and empty.
 * @param store - New and empty.
 * @returns The identity, and the private half of the recovery key, for paper.
 */
export async function writeGenesis(
  keystore: Keystore,
  store: Store,
  request: GenesisRequest,
  random: RandomBytes,
): Promise<{ identity: Identity; recoveryPrivateKey: Uint8Array }> {
  const seeds = { log: random(32), governance: random(32), mirror: random(32), transport: random(32) }
  const sharing = await generateSharingKeyPair()
  const recovery = await generateSharingKeyPair()
  for (const role of ['log', 'governance', 'mirror', 'transport'] as const)
    await keystore.secrets.put(SECRETS[role], seeds[role])
  await keystore.secrets.put(SECRETS.sharing, sharing.privateKey)
  await keystore.secrets.put(SECRETS.dedupe, random(32))
  await keystore.secrets.put(SECRETS.tray, random(32))

  // The clinic's name stays out of the ledger: names in it are random.
  const site = `chartseal.local/site-${toHex(random(8))}`
  const log = `${site}/node-${toHex(random(4))}`
  const logKey = keyPairFromSeed(seeds.log).publicKey
  const mirror: VerifierKey = {
    name: mirrorNameOf(site),
    type: COSIGNATURE_V1,
    publicKey: keyPairFromSeed(seeds.mirror).publicKey,
  }
  const roster = encodeRoster({
    version: 1,
    sites: [
      {
        id: site,
        governanceKey: keyPairFromSeed(seeds.governance).publicKey,
        sharingKey: sharing.publicKey,
        recoveryKey: recovery.publicKey,
        mirrorKey: mirror.publicKey,
        nodes: [{ log, logKey, transportKey: keyPairFromSeed(seeds.transport).publicKey }],
        witnesses: [],
      },
    ],
    policy: soloPolicy({ name: 'site-1', key: mirror }),
    previous: null,
    coordinator: log,
    frozen: [],
    attempt: 0,
    votes: [],
  })
  const identity: Identity = {
    version: 1,
    network: networkIdOf(h, roster),
    origin: originOf(log, 1),
    log,
    logKey,
    otherLogKeys: [],
    site,
    clinic: request.clinic,
    demo: request.demo,
    sharingKey: sharing.publicKey,
    recoveryKey: recovery.publicKey,
    closed: [],
    openedWith: null,
  }
  const note = writeBlockZero(store, identity, {
    roster,
    request,
    random,
    log: signerOf('log', seeds.log),
    governance: signerOf('governance', seeds.governance),
  })
  keystore.highWater.write(note)
  await writeIdentity(keystore.secrets, identity)
  wipe(...Object.values(seeds), sharing.privateKey)
  return { identity, recoveryPrivateKey: recovery.privateKey }
}

/** A signer over a seed. */
export function signerOf(role: EntrySigner['role'], seed: Uint8Array): EntrySigner {
  const own = Uint8Array.from(seed)
  return { role, publicKey: keyPairFromSeed(own).publicKey, sign: (message) => sign(own, message) }
}

interface BlockZero {
  readonly roster: Uint8Array
  readonly request: GenesisRequest
  readonly random: RandomBytes
  readonly log: EntrySigner
  readonly governance: EntrySigner
}

function writeBlockZero(
  store: Store,
  identity: Identity,
  { roster, request, random, log, governance }: BlockZero,
): HighWaterMark {
  const approve = (message: Uint8Array): Approval => ({
    publicKey: governance.publicKey,
    signature: governance.sign(message),
  })
  const contract = { version: 1, language: CONTRACT_LANGUAGE, document: request.contract }
  const rosterApprovals = [approve(rosterMessage(identity.network, roster))]
  const contractApprovals = [approve(contractMessage(identity.network, contract))]
  const opened = { incarnation: 1, instance: random(16), previous: null, logKey: null, rosterVersion: null }
  const entries: PlainEntry[] = [
    { type: 'roster', fields: encodeRosterFields({ document: roster, approvals: rosterApprovals }), signers: [log] },
    { type: 'contract', fields: encodeContractFields({ ...contract, approvals: contractApprovals }), signers: [log] },
    { type: 'node.opened', fields: encodeNodeOpened(opened), signers: [log] },
  ]
  const contractHash = h.sha256(request.contract)
  return writeFirstBlock(store, {
    identity,
    entries,
    log,
    rosterVersion: 1,
    contractHash,
    random,
    nowMs: request.nowMs,
  })
}
