/** A member that has turned: its keys, its address, and whatever an experiment lets it say. */
import { randomBytes } from 'node:crypto'
import { signCheckpoint } from '../../../src/ledger/checkpoint.ts'
import { cosign } from '../../../src/ledger/cosignature.ts'
import { utf8 } from '../../../src/ledger/hash.ts'
import { formatNote, parseNote } from '../../../src/ledger/note.ts'
import { mirrorNameOf } from '../../../src/ledger/roster.ts'
import { ED25519, encodeVkey } from '../../../src/ledger/vkey.ts'
import { keyPairFromSeed } from '../../../src/main/keystore/sodium.ts'
import type { Clinic } from '../../../src/main/core/vault/clinic.ts'
import { SECRETS, signerOf } from '../../../src/main/core/vault/genesis.ts'
import { Vault } from '../../../src/main/core/vault/vault.ts'
import { type PeerChannel, type PeerNetwork, startPeerThread } from '../../../src/main/peer/peer-thread.ts'
import { toHex } from '../../../src/shared/bytes.ts'
import { encodeMessage } from '../../../src/sync/codec.ts'
import type { Hello, Message } from '../../../src/sync/messages.ts'
import { NODE_SECRET } from '../../faults/support/values.ts'
import type { Site } from './site.ts'
import { insideOf } from '../../support/inside.ts'

/** What a traitor takes along. */
export interface Loot {
  readonly hello: Omit<Hello, 'kind' | 'version'>
  readonly origin: string
  /** Size of the log, which all others hold. */
  readonly size: number
  /** Checkpoints that the log signed, oldest first. */
  readonly notes: readonly string[]
  readonly seeds: { readonly log: Uint8Array; readonly mirror: Uint8Array; readonly transport: Uint8Array }
  /** Transport keys of all others. */
  readonly members: readonly string[]
}

/** Reads the keys of a site that is down. Whoever has its disk and its computer has them. */
export async function plunder(site: Site): Promise<Loot> {
  const vault = new Vault(() => undefined, Date.now)
  try {
    await vault.start({ dataFolder: site.folder, demo: false, nodeSecret: NODE_SECRET, scryptLogN: 10 })
    const { clinic } = insideOf<{ clinic: Clinic }>(vault)
    const { identity, replica, store, keystore } = clinic
    const seed = (name: string) => Uint8Array.from(keystore.secrets.get(name) ?? [])
    const seeds = { log: seed(SECRETS.log), mirror: seed(SECRETS.mirror), transport: seed(SECRETS.transport) }
    const roster = replica.directory.rosters.at(-1)?.roster
    const nodes = roster?.sites.flatMap((one) => one.nodes) ?? []
    const { network, site: id, log, origin } = identity
    const versions = { rosterVersion: roster?.version ?? 0, contractVersion: 1 }
    const notes = store.checkpoints(origin, null, 8).map(({ note }) => note)
    return {
      hello: { network, ...versions, site: id, log, instance: new Uint8Array(randomBytes(16)), role: 'mirror' },
      ...{ origin, size: replica.head.size, notes: notes.reverse(), seeds },
      members: nodes.filter((node) => node.log !== log).map(({ transportKey }) => toHex(transportKey)),
    }
  } finally {
    await vault.close()
  }
}

/** See the file's comment. */
export class Rogue {
  readonly loot: Loot
  readonly channels = new Set<PeerChannel>()
  /** How often somebody hung up on it. */
  cuts = 0
  readonly #network: PeerNetwork

  /** @param others - Sites that are up. */
  constructor(loot: Loot, port: number, others: readonly Site[]) {
    this.loot = loot
    const addresses = others.map((site) => `/ip4/127.0.0.1/tcp/${site.port}`)
    // It does not know who is where, so it tries everybody everywhere.
    const wanted = loot.members.map((peer) => ({ peer, addresses }))
    const settings = { seed: loot.seeds.transport, listen: [`/ip4/127.0.0.1/tcp/${port}`], members: loot.members }
    this.#network = startPeerThread(
      { ...settings, guests: [], wanted, isRelay: false, isDiscoverable: false },
      {
        up: (channel) => {
          this.channels.add(channel)
          channel.send(encodeMessage({ kind: 'hello', version: 1, ...loot.hello }))
        },
        // What others say is not answered: it withholds everything.
        message: () => undefined,
        drained: () => undefined,
        down: (channel) => {
          if (this.channels.delete(channel)) this.cuts += 1
        },
        listening: () => undefined,
        failed: () => undefined,
        fault: () => undefined,
      },
    )
  }

  say(message: Message): void {
    this.raw(encodeMessage(message))
  }

  raw(bytes: Uint8Array): void {
    for (const channel of this.channels) channel.send(Uint8Array.from(bytes))
  }

  /** A checkpoint of its log that it should never have signed, with the cosignature of its site. */
  forge(size: number): string {
    const { origin, seeds, hello } = this.loot
    const log = signerOf('log', seeds.log)
    const root = new Uint8Array(randomBytes(32))
    const key = { name: origin, publicKey: log.publicKey }
    const { text, signatures } = parseNote(signCheckpoint({ origin, size, root }, key, (message) => log.sign(message)))
    const mirror = signerOf('log', seeds.mirror)
    const cosigner = { name: mirrorNameOf(hello.site), publicKey: mirror.publicKey }
    const line = cosign(text, cosigner, Math.floor(Date.now() / 1000), (message) => mirror.sign(message))
    return formatNote(text, [...signatures, line])
  }

  /** Verifier key of the log, as `chartseal evidence check` takes it. */
  get vkey(): string {
    const { publicKey } = keyPairFromSeed(this.loot.seeds.log)
    return encodeVkey({ name: this.loot.origin, type: ED25519, publicKey })
  }

  /** Bytes that are no message. */
  static noise(size: number): Uint8Array {
    return new Uint8Array([...utf8('noise'), ...randomBytes(size)])
  }

  end(): Promise<void> {
    return this.#network.end()
  }
}
