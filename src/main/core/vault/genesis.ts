/**
 * The first block of a network of one site: roster, contract, the node's log, and the first administrator.
 *
 * @packageDocumentation
 */
import { signCheckpoint } from '../../../ledger/checkpoint.ts'
import { CONTRACT_LANGUAGE } from '../../../ledger/contract.ts'
import { encodeBody, encodeEntry, signedMessage } from '../../../ledger/entry.ts'
import type { CborMap } from '../../../ledger/cbor.ts'
import type { EntryType } from '../../../ledger/entry-types.ts'
import { encodeContractFields, encodeNodeOpened, encodeRosterFields, encodeSeal } from '../../../ledger/fields.ts'
import { type Approval, contractMessage, rosterMessage } from '../../../ledger/governance.ts'
import { leafHash } from '../../../ledger/hash.ts'
import { originOf } from '../../../ledger/names.ts'
import { soloPolicy } from '../../../ledger/policy.ts'
import { encodeRoster, mirrorNameOf, networkIdOf } from '../../../ledger/roster.ts'
import { TreeWriter } from '../../../ledger/tree-writer.ts'
import { COSIGNATURE_V1, type VerifierKey } from '../../../ledger/vkey.ts'
import { toHex } from '../../../shared/bytes.ts'
import type { Keystore } from '../../keystore/keystore.ts'
import { keyPairFromSeed, sign, wipe } from '../../keystore/sodium.ts'
import type { Store } from '../../store/store.ts'
import type { RandomBytes } from '../envelope.ts'
import { generateSharingKeyPair } from '../epoch-keys.ts'
import { nodeHasher as h } from '../hasher.ts'
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
 * @returns The identity, and the private half of the recovery key: to be printed once and kept nowhere.
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
): { note: string; size: number } {
  const entryOf = (type: EntryType, fields: CborMap, signer: EntrySigner) => {
    const id = random(16)
    const body = {
      type,
      network: identity.network,
      log: identity.log,
      id,
      time: request.nowMs,
      subject: null,
      payload: null,
      fields,
    }
    const bodyBytes = encodeBody(body)
    const signature = {
      role: signer.role,
      publicKey: signer.publicKey,
      signature: signer.sign(signedMessage(signer.role, bodyBytes)),
    }
    return {
      id,
      type,
      subject: null,
      payload: null,
      bytes: encodeEntry({ bodyBytes, placement: null, signatures: [signature] }),
    }
  }
  const contractHash = h.sha256(request.contract)
  const approve = (message: Uint8Array): Approval => ({
    publicKey: governance.publicKey,
    signature: governance.sign(message),
  })
  const contract = { version: 1, language: CONTRACT_LANGUAGE, document: request.contract }
  const entries = [
    entryOf(
      'roster',
      encodeRosterFields({ document: roster, approvals: [approve(rosterMessage(identity.network, roster))] }),
      log,
    ),
    entryOf(
      'contract',
      encodeContractFields({ ...contract, approvals: [approve(contractMessage(identity.network, contract))] }),
      log,
    ),
    entryOf(
      'node.opened',
      encodeNodeOpened({ incarnation: 1, instance: random(16), previous: null, logKey: null, rosterVersion: null }),
      log,
    ),
  ]
  entries.push(
    entryOf(
      'seal',
      encodeSeal({
        block: 0,
        previousBlockHash: null,
        firstIndex: 0,
        count: entries.length,
        rosterVersion: 1,
        contractHash,
      }),
      log,
    ),
  )
  const mark = { note: '', size: entries.length }
  store.addLog(identity.origin, identity.logKey)
  store.append({ origin: identity.origin, firstIndex: 0, previousNote: null, entries, epochKeys: [] }, (readBack) => {
    const { size, root, tiles } = new TreeWriter(h, 0, []).append(readBack.map((bytes) => leafHash(h, bytes)))
    const head = { origin: identity.origin, size, root }
    mark.note = signCheckpoint(head, { name: identity.origin, publicKey: identity.logKey }, (message) =>
      log.sign(message),
    )
    return { tiles, block: 0, size, note: mark.note }
  })
  return mark
}
