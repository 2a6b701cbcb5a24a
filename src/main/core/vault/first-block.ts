/**
 * The first block of a log: written before there is a replica to write into.
 *
 * @packageDocumentation
 */
import { signCheckpoint } from '../../../ledger/checkpoint.ts'
import { encodeBody, encodeEntry, signedMessage } from '../../../ledger/entry.ts'
import type { CborMap } from '../../../ledger/cbor.ts'
import type { EntryType } from '../../../ledger/entry-types.ts'
import { encodeSeal } from '../../../ledger/fields.ts'
import { leafHash } from '../../../ledger/hash.ts'
import { TreeWriter } from '../../../ledger/tree-writer.ts'
import type { HighWaterMark } from '../../keystore/high-water.ts'
import type { NewEntry, Store } from '../../store/store.ts'
import type { RandomBytes } from '../envelope.ts'
import { nodeHasher as h } from '../hasher.ts'
import type { Identity } from './identity.ts'
import type { EntrySigner } from './entry-signer.ts'

/** An entry about the network or the node, without subject and payload. */
export interface PlainEntry {
  readonly type: EntryType
  readonly fields: CborMap
  readonly signers: readonly EntrySigner[]
}

/** What the first block of a log is made of. */
export interface FirstBlock {
  readonly identity: Pick<Identity, 'network' | 'log' | 'origin' | 'logKey'>
  /** Before the seal. */
  readonly entries: readonly PlainEntry[]
  readonly log: EntrySigner
  readonly rosterVersion: number
  /** Of the contract in force, 32 bytes. */
  readonly contractHash: Uint8Array
  readonly random: RandomBytes
  readonly nowMs: number
}

/**
 * Adds a log and writes its block 0.
 *
 * @returns The signed note: to be marked in the keystore before it goes anywhere.
 * @throws StoreError as {@link Store.append}.
 */
export function writeFirstBlock(store: Store, block: FirstBlock): HighWaterMark {
  const { identity, log, random } = block
  const { origin, logKey } = identity
  const seal = encodeSeal({
    block: 0,
    previousBlockHash: null,
    firstIndex: 0,
    count: block.entries.length,
    rosterVersion: block.rosterVersion,
    contractHash: block.contractHash,
  })
  const entries = [...block.entries, { type: 'seal', fields: seal, signers: [log] } as const].map((entry) =>
    rowOf(block, entry, random(16)),
  )
  const notes: string[] = []
  store.addLog(origin, logKey)
  store.append({ origin, firstIndex: 0, previousNote: null, entries, epochKeys: [] }, (readBack) => {
    const { size, root, tiles } = new TreeWriter(h, 0, []).append(readBack.map((bytes) => leafHash(h, bytes)))
    const note = signCheckpoint({ origin, size, root }, { name: origin, publicKey: logKey }, (message) =>
      log.sign(message),
    )
    notes.push(note)
    return { tiles, block: 0, size, note }
  })
  return { note: notes[0] ?? '', size: entries.length }
}

function rowOf({ identity, nowMs }: FirstBlock, { type, fields, signers }: PlainEntry, id: Uint8Array): NewEntry {
  const { network, log } = identity
  const bodyBytes = encodeBody({ type, network, log, id, time: nowMs, subject: null, payload: null, fields })
  const signatures = signers.map((signer) => ({
    role: signer.role,
    publicKey: signer.publicKey,
    signature: signer.sign(signedMessage(signer.role, bodyBytes)),
  }))
  return { id, type, subject: null, payload: null, bytes: encodeEntry({ bodyBytes, placement: null, signatures }) }
}
