/** A roster that lists a witness, logs that sign whatever a test likes, and the witness in a folder of its own. */
import { encodeCbor } from '../../src/ledger/cbor.ts'
import { encodeRosterFields } from '../../src/ledger/fields.ts'
import { rosterMessage } from '../../src/ledger/governance.ts'
import { nobleHasher as h } from '../../src/ledger/hash.ts'
import { encodeRoster, networkIdOf, type Roster, rosterHash } from '../../src/ledger/roster.ts'
import type { Unlock } from '../../src/main/keystore/node-secret.ts'
import {
  beginWitness,
  makeWitness,
  makeWitnessKeys,
  openWitness,
  type WitnessFiles,
  type WitnessKeys,
} from '../../src/main/core/witness/witness-files.ts'
import { WitnessSyncStore } from '../../src/main/core/witness/witness-sync-store.ts'
import { ForkedLog } from './forked-log.ts'
import { approvalsBy, testKey, type TestKey, testRoster, testSite } from './ledger-world.ts'

export const PASSPHRASE: Unlock = { kind: 'passphrase', passphrase: 'correct horse battery staple' }
export const COSTS = { scryptLogN: 10 }
export const NAME = 'test.local/a/w1'

/** Two sites whose logs a test drives. */
export const logs = ['a', 'b'].map((name) => new ForkedLog(`test.local/${name}/n1/1`)) as [ForkedLog, ForkedLog]
export const sites = ['a', 'b'].map((name) => testSite(`test.local/${name}`)) as [Site, Site]
type Site = ReturnType<typeof testSite>

const withLogOf = ({ site }: Site, { key }: ForkedLog): Site['site'] => ({
  ...site,
  nodes: site.nodes.map((node) => ({ ...node, logKey: key.publicKey })),
})
const [first, second] = [withLogOf(sites[0], logs[0]), withLogOf(sites[1], logs[1])]

const founding = testRoster([first, second])
export const network = networkIdOf(h, encodeRoster(founding))

/** Fields of the entry of a roster that every site approves, and whoever else has to. */
export function rosterFields(roster: Roster, others: readonly TestKey[] = []): Uint8Array {
  const document = encodeRoster(roster)
  const keys = [...sites.map(({ governance }) => governance), ...others]
  return encodeCbor(encodeRosterFields({ document, approvals: approvalsBy(keys, rosterMessage(network, document)) }))
}

/** The second roster: the first with a witness of the first site. */
export function witnessed({ witnessKey, transportKey }: WitnessKeys): Roster {
  const sitesThen = [{ ...first, witnesses: [{ name: NAME, witnessKey, transportKey }] }, second]
  return { ...testRoster(sitesThen), version: 2, previous: rosterHash(h, founding) }
}

/** The third: without it. */
export function unwitnessed(before: Roster): Roster {
  return { ...testRoster([first, second]), version: 3, previous: rosterHash(h, before) }
}

/** Makes the folder of a witness. Replies with the roster that lists it. */
export async function newWitness(dataFolder: string): Promise<Roster> {
  const { making, keystore } = await beginWitness(dataFolder, PASSPHRASE, COSTS)
  const roster = witnessed(await makeWitnessKeys(keystore))
  const rosters = [rosterFields(founding), rosterFields(roster)]
  const identity = { network, site: first.id, name: NAME }
  await makeWitness(making, dataFolder, keystore, identity, rosters, { nowMs: Date.now })
  return roster
}

/** Opens it again, as a start does. */
export function reopened(dataFolder: string): Promise<WitnessFiles> {
  return openWitness(dataFolder, PASSPHRASE, { costs: COSTS, nowMs: Date.now })
}

/** What cosigns for the tests: never the witness's own key, which stays in its keystore. */
export const witnessKey = testKey('cosigns')

/** The store of an open witness, and what it told. */
export function syncStoreOf({ identity, memory, rosters }: WitnessFiles, maySign = () => true) {
  const told: string[] = []
  const store = new WitnessSyncStore(
    {
      ...{ identity, memory, rosters, maySign, nowMs: () => 1_767_225_660_000, instance: new Uint8Array(16) },
      sign: (message) => witnessKey.sign(message),
      events: {
        rosterChanged: () => told.push('roster'),
        evidence: () => told.push('evidence'),
        cloned: () => told.push('cloned'),
      },
    },
    witnessKey.publicKey,
  )
  return { store, told }
}
