/**
 * A long log, made fast: real entries under real keys, in real blocks, through the store of the clinic that writes it.
 *
 * Left out is only what costs time and changes no byte: nothing is verified before it is written, and the replica in
 * memory does not follow, so the process that did this must be started again. `chartseal audit` accepts what comes out.
 */
import { randomBytes } from 'node:crypto'
import { blockHash } from '../../../src/ledger/block.ts'
import { encodeBody, MEDIA_FHIR_R4_JSON } from '../../../src/ledger/body.ts'
import type { CborMap } from '../../../src/ledger/cbor.ts'
import { encodeCheckpoint, signCheckpoint } from '../../../src/ledger/checkpoint.ts'
import { encodeEntry, signedMessage } from '../../../src/ledger/entry.ts'
import type { EntryType } from '../../../src/ledger/entry-types.ts'
import { encodeAccess, encodeReading, encodeSeal } from '../../../src/ledger/fields.ts'
import { leafHash, utf8 } from '../../../src/ledger/hash.ts'
import type { ChainLink } from '../../../src/ledger/subject-chain.ts'
import { nextPlacement } from '../../../src/ledger/subject-chain.ts'
import { TreeWriter } from '../../../src/ledger/tree-writer.ts'
import { sealEnvelope } from '../../../src/main/core/envelope.ts'
import { nodeHasher as h } from '../../../src/main/core/hasher.ts'
import type { Clinic, Viewer } from '../../../src/main/core/vault/clinic.ts'
import { deviceSigner } from '../../../src/main/core/vault/device-standing.ts'
import type { EntrySigner } from '../../../src/main/core/vault/entry-signer.ts'
import type { CurrentEpoch } from '../../../src/main/core/vault/subject-keys.ts'
import type { NewEntry } from '../../../src/main/store/store.ts'
import { fromHex } from '../../../src/shared/bytes.ts'
import { assert } from '../../../src/shared/errors.ts'

/** Entries of a block, seal included: what a busy minute of a hospital writes at once. */
const BLOCK = 64
/** Of three entries one says that somebody looked, as after each reading and look. */
const ACCESS_EVERY = 3

/** What the entries are about and by. */
interface BuilderParts {
  readonly clinic: Clinic
  readonly viewer: Viewer
  /** Handles. */
  readonly patients: readonly string[]
  readonly device: string
}

/**
 * Appends blocks until the log has `size` entries: readings of every patient who is registered, half of them signed by
 * the device as well, by whoever is signed in. The size that it has then.
 *
 * @param device - Handle of an enrolled device.
 */
export async function buildLog(clinic: Clinic, device: string, size: number): Promise<number> {
  const { replica, viewer } = clinic
  assert(viewer !== null, 'somebody is signed in')
  const builder = await Builder.on({ clinic, viewer, device, patients: replica.subjectsWith('patient.registered') })
  while (builder.size < size) builder.block(Math.min(BLOCK, size - builder.size))
  builder.settle()
  return builder.size
}

class Builder {
  readonly #parts: BuilderParts
  readonly #tree: TreeWriter
  readonly #chains = new Map<string, ChainLink | null>()
  readonly #epochs: ReadonlyMap<string, CurrentEpoch>
  readonly #device: EntrySigner
  #head: { readonly size: number; readonly text: string; readonly note: string }
  #block: number

  private constructor(parts: BuilderParts, epochs: ReadonlyMap<string, CurrentEpoch>) {
    const { replica } = parts.clinic
    this.#parts = parts
    this.#epochs = epochs
    this.#tree = TreeWriter.resume(h, replica.head, replica.live.trusted.reader)
    this.#head = replica.head
    this.#block = replica.live.newestBlock
    this.#device = deviceSigner(parts.clinic, parts.device)
    for (const handle of parts.patients) this.#chains.set(handle, lastLink(parts.clinic, handle))
  }

  static async on(parts: BuilderParts): Promise<Builder> {
    const epochs = new Map<string, CurrentEpoch>()
    for (const handle of parts.patients) epochs.set(handle, await parts.clinic.keys.current(fromHex(handle)))
    return new Builder(parts, epochs)
  }

  get size(): number {
    return this.#head.size
  }

  /** Writes one block of `count` entries, at least two. */
  block(count: number): void {
    const { store, identity, logSigner } = this.#parts.clinic
    const first = this.#head.size
    const rows = Array.from({ length: Math.max(1, count - 1) }, (_, i) => this.#record(first + i))
    rows.push(this.#seal(first, rows.length))
    this.#block += 1
    const { origin } = identity
    const block = { origin, firstIndex: first, previousNote: this.#head.note, entries: rows, epochKeys: [] }
    store.append(block, (readBack) => {
      const { size, root, tiles } = this.#tree.append(readBack.map((bytes) => leafHash(h, bytes)))
      const head = { origin, size, root }
      const key = { name: origin, publicKey: logSigner.publicKey }
      const note = signCheckpoint(head, key, (message) => logSigner.sign(message))
      this.#head = { size, text: encodeCheckpoint(head), note }
      return { tiles, block: this.#block, size, note }
    })
  }

  /** The keystore knows of the last block. */
  settle(): void {
    this.#parts.clinic.keystore.highWater.write({ note: this.#head.note, size: this.#head.size })
  }

  #record(index: number): NewEntry {
    const { patients, viewer } = this.#parts
    const handle = patients[index % patients.length]
    assert(handle !== undefined, 'there are patients')
    if (index % ACCESS_EVERY === 0) {
      const fields = encodeAccess({ purpose: 'care', heads: [], subjects: null })
      return this.#entry('access', handle, fields, [viewer.signer])
    }
    const isByDevice = index % 2 === 0
    const fields = encodeReading({
      method: isByDevice ? 'device' : 'manual',
      device: isByDevice ? fromHex(this.#parts.device) : null,
    })
    return this.#entry('reading', handle, fields, isByDevice ? [viewer.signer, this.#device] : [viewer.signer])
  }

  #seal(firstIndex: number, count: number): NewEntry {
    const { clinic } = this.#parts
    const contract = clinic.replica.contract()
    assert(contract !== null, 'an open clinic has a contract')
    const rosters = clinic.replica.directory.rosters
    const fields = encodeSeal({
      ...{ block: this.#block + 1, previousBlockHash: blockHash(h, this.#head.text), firstIndex, count },
      ...{ rosterVersion: rosters.at(-1)?.roster.version ?? 1, contractHash: contract.hash },
    })
    return this.#entry('seal', null, fields, [clinic.logSigner])
  }

  #entry(type: EntryType, handle: string | null, fields: CborMap, signers: readonly EntrySigner[]): NewEntry {
    const { network, log } = this.#parts.clinic.identity
    const id = new Uint8Array(randomBytes(16))
    const subject = handle === null ? null : fromHex(handle)
    const sealed = type === 'reading' && handle !== null ? this.#payload(handle, id) : null
    const payload = sealed?.binding ?? null
    const bodyBytes = encodeBody({ type, network, log, id, time: Date.now(), subject, fields, payload })
    const signatures = signers.map((signer) => {
      const { role, publicKey } = signer
      return { role, publicKey, signature: signer.sign(signedMessage(role, bodyBytes)) }
    })
    const placement = handle === null ? null : nextPlacement(this.#chains.get(handle) ?? null)
    const bytes = encodeEntry({ bodyBytes, placement, signatures })
    if (handle !== null && placement !== null) this.#chains.set(handle, { placement, leaf: leafHash(h, bytes) })
    const place = subject === null || placement === null ? null : { handle: subject, seq: placement.subjectSeq }
    return { id, bytes, type, subject: place, payload: sealed?.envelope ?? null }
  }

  #payload(handle: string, entryId: Uint8Array) {
    const current = this.#epochs.get(handle)
    assert(current !== undefined, 'every patient has keys')
    const { epoch, keys } = current
    const context = { subject: fromHex(handle), entryId, epoch }
    const random = (size: number) => new Uint8Array(randomBytes(size))
    const sealed = sealEnvelope(RESOURCE, keys.keyOf('vital-signs'), context, random)
    return { envelope: sealed.envelope, binding: { ...sealed.binding, epoch, media: MEDIA_FHIR_R4_JSON } }
  }
}

const RESOURCE = utf8(JSON.stringify({ resourceType: 'Observation', status: 'final', valueQuantity: { value: 60.5 } }))

/** The newest entry about a patient. */
function lastLink({ replica }: Clinic, handle: string): ChainLink | null {
  const newest = replica.newestLink(handle)
  if (newest === null) return null
  return { placement: { subjectSeq: newest.seq, previousLeaf: null }, leaf: newest.leaf }
}
