import { instantText } from '../../../clinical/instant.ts'
import { blockHash } from '../../../ledger/block.ts'
import { rosterAt } from '../../../ledger/directory.ts'
import { decodeEntry } from '../../../ledger/entry.ts'
import { leafHash } from '../../../ledger/hash.ts'
import { encodeReceipt } from '../../../ledger/receipt.ts'
import { encodeReceiptExtra } from '../../../ledger/receipt-extra.ts'
import { encodeRoster } from '../../../ledger/roster.ts'
import { quorumOf, toleratedFaults } from '../../../ledger/quorum.ts'
import type {
  VerifyAllEvent,
  LedgerBlock,
  LedgerEntry,
  LedgerSummary,
  Proof,
  ReceiptFile,
} from '../../../shared/api/schemas.ts'
import { fromHex, toHex } from '../../../shared/bytes.ts'
import { ApiFailure } from '../failure.ts'
import { nodeHasher as h } from '../hasher.ts'
import { gradeAt, verifyRecord } from '../verify-record.ts'
import { offsetMinAt, viewerFor, type Clinic } from './clinic.ts'
import type { Block, Failed } from './replica.ts'

/** Entries checked before other requests get a turn. */
const SLICE = 32

/** What the ledger page shows: the log itself, never what its payloads say. */
export class LedgerViews {
  readonly #clinic: Clinic
  readonly #cancelled = new Set<number>()

  constructor(clinic: Clinic) {
    this.#clinic = clinic
  }

  summary(): LedgerSummary {
    viewerFor(this.#clinic, 'ledger')
    const { replica, identity, keystore } = this.#clinic
    const { size, root } = replica.head
    const roster = rosterAt(replica.directory, size)?.roster
    const sites = roster?.sites.length ?? 1
    const newest = replica.blockOf(size - 1)
    const mark = keystore.highWater.read()
    return {
      network: toHex(identity.network),
      origin: identity.origin,
      size,
      root: toHex(root),
      blocks: replica.newestBlock + 1,
      sites,
      faultySitesTolerated: toleratedFaults(sites),
      quorum: quorumOf(sites),
      policy: roster?.policy ?? '',
      sealedAt: 'step' in newest ? null : at(newest.sealedAtMs),
      highWaterMark: typeof mark !== 'object' ? 'missing' : mark.size === size ? 'equal' : 'behind',
    }
  }

  blocks(before: number | null, limit: number): LedgerBlock[] {
    viewerFor(this.#clinic, 'ledger')
    const { replica, identity, store } = this.#clinic
    return store.checkpoints(identity.origin, before, limit).map((row) => this.#block(row, replica.block(row)))
  }

  entries(from: number, limit: number): LedgerEntry[] {
    viewerFor(this.#clinic, 'ledger')
    const { replica } = this.#clinic
    const end = Math.min(from + limit, replica.head.size)
    return Array.from({ length: Math.max(0, end - from) }, (_, i) => this.#entry(from + i))
  }

  /** @throws ApiFailure `UNKNOWN_ENTRY`, or `RECORD_NOT_VERIFIED` when its bytes are not those of the tree. */
  proof(index: number): Proof {
    viewerFor(this.#clinic, 'ledger')
    const { replica, identity, store, keystore } = this.#clinic
    const { size, note } = replica.head
    // A note that is not marked yet could be signed differently after a crash: it does not leave.
    const mark = keystore.highWater.read()
    if (typeof mark !== 'object' || mark.size < size) throw new ApiFailure('WRONG_STATE')
    if (index >= size) throw new ApiFailure('UNKNOWN_ENTRY')
    const bytes = replica.provenBytes(index)
    const roster = replica.directory.rosters[0]?.roster
    if (!(bytes instanceof Uint8Array) || roster === undefined) throw new ApiFailure('RECORD_NOT_VERIFIED')
    const { body, placement, signatures } = decodeEntry(bytes)
    const row = store.checkpointCoveringIndex(identity.origin, index)
    const block = row === null ? null : this.#block(row, replica.blockOf(index))
    return {
      networkId: toHex(identity.network),
      roster: toHex(encodeRoster(roster)),
      origin: identity.origin,
      logKey: toHex(identity.logKey),
      index,
      size,
      entry: toHex(bytes),
      leaf: toHex(leafHash(h, bytes)),
      path: replica.trusted.tree.proveInclusion(index).map(toHex),
      checkpoint: note,
      block,
      grade: gradeAt(replica, index),
      type: body.type,
      at: at(body.time),
      subject:
        body.subject === null || placement === null
          ? null
          : {
              handle: toHex(body.subject),
              seq: placement.subjectSeq,
              previousLeaf: placement.previousLeaf === null ? null : toHex(placement.previousLeaf),
            },
      payload: body.payload === null ? null : this.#payload(index, body.payload),
      signatures: signatures.map(({ role, publicKey, signature }) => ({
        role,
        publicKey: toHex(publicKey),
        signature: toHex(signature),
        signer: this.#signerName(role, publicKey),
      })),
    }
  }

  /** @throws ApiFailure as {@link LedgerViews.proof}. */
  receipt(index: number): ReceiptFile {
    const { entry, roster, path, checkpoint, origin } = this.proof(index)
    const text = encodeReceipt({
      extra: encodeReceiptExtra({ entry: fromHex(entry), roster: fromHex(roster) }),
      index,
      path: path.map(fromHex),
      checkpoint,
    })
    return { fileName: `${origin.replaceAll('/', '-')}-${index}.tlog-proof`, text }
  }

  /**
   * Verifies every entry, block and payload of the log, reporting as it goes.
   *
   * @param report - Receives progress, each finding, and at the end the totals.
   */
  async verifyAll(run: number, report: (event: VerifyAllEvent) => void): Promise<void> {
    viewerFor(this.#clinic, 'ledger')
    const { replica } = this.#clinic
    const started = performance.now()
    const total = replica.head.size
    let findings = 0
    const find = (index: number | null, { step, reason }: Failed) => {
      findings += 1
      report({ kind: 'finding', index, step, reason: reason.slice(0, 300) })
    }
    for (const tile of replica.damagedTiles)
      find(null, { step: 'inclusion', reason: `tree tile ${tile} was damaged and was found again from the entries` })
    let checked = 0
    for (; checked < total && !this.#cancelled.has(run); checked++) {
      const failed = await this.#check(checked)
      if (failed !== null) find(checked, failed)
      if (checked % SLICE === SLICE - 1) {
        report({ kind: 'progress', done: checked + 1, total })
        await new Promise((resume) => setImmediate(resume))
      }
    }
    this.#cancelled.delete(run)
    // A run that was stopped says how far it came, never that it saw everything.
    report({ kind: 'progress', done: checked, total })
    report({ kind: 'done', checked, findings, ms: performance.now() - started })
  }

  cancel(run: number): void {
    this.#cancelled.add(run)
  }

  /** Everything about one entry that can be checked without showing it to anyone. */
  async #check(index: number): Promise<Failed | null> {
    const { replica, keys } = this.#clinic
    const verified = replica.verifiedEntry(index)
    if ('step' in verified) return verified
    // The copy in the keystore may stand in for a damaged row when it is used, but not when rows are audited.
    const damaged = replica.rowFailure(index)
    if (damaged !== null) return damaged
    const block = replica.blockOf(index)
    if ('step' in block) return block
    const { subject, payload } = verified.entry.body
    if (subject === null || payload === null) return null
    const link = replica.chain(toHex(subject)).links.find((other) => other.index === index)
    if (link === undefined) return { step: 'completeness', reason: 'it is in no chain' }
    const row = await verifyRecord(
      { replica, keys },
      { subject: toHex(subject), link, view: 'clinical', viewer: null, read: () => null },
    )
    return row.status === 'rejected' ? row : null
  }

  #block(row: { block: number; size: number }, block: Block | Failed): LedgerBlock {
    const { replica } = this.#clinic
    if ('step' in block) {
      const zero = '0'.repeat(64)
      return {
        block: row.block,
        firstIndex: 0,
        count: 0,
        size: row.size,
        root: zero,
        hash: zero,
        previousHash: null,
        sealedAt: at(0),
        grade: gradeAt(replica, 0),
        problem: block.step,
      }
    }
    const { seal, checkpoint, sealedAtMs } = block
    return {
      block: seal.block,
      firstIndex: seal.firstIndex,
      count: seal.count,
      size: checkpoint.size,
      root: toHex(checkpoint.root),
      hash: toHex(blockHash(h, checkpoint.text)),
      previousHash: seal.previousBlockHash === null ? null : toHex(seal.previousBlockHash),
      sealedAt: at(sealedAtMs),
      grade: gradeAt(replica, checkpoint.size - 1),
      problem: null,
    }
  }

  #entry(index: number): LedgerEntry {
    const verified = this.#clinic.replica.verifiedEntry(index)
    if ('step' in verified)
      return { index, entryId: null, type: null, at: null, signedBy: [], subject: null, problem: verified.step }
    const { body, signatures } = verified.entry
    return {
      index,
      entryId: toHex(body.id),
      type: body.type,
      at: at(body.time),
      signedBy: signatures.map(({ role }) => role),
      subject: body.subject === null ? null : toHex(body.subject),
      problem: null,
    }
  }

  #payload(
    index: number,
    { commitment, ciphertextHash }: { commitment: Uint8Array; ciphertextHash: Uint8Array },
  ): Proof['payload'] {
    const { store, identity } = this.#clinic
    const sealedBytes = store.payload(identity.origin, index)?.ciphertext.length ?? 0
    return { commitment: toHex(commitment), ciphertextHash: toHex(ciphertextHash), sealedBytes }
  }

  /** Whom a key belongs to, as a handle: names are in sealed records. */
  #signerName(role: string, publicKey: Uint8Array): string {
    const binding = this.#clinic.replica.directory.bindings.get(toHex(publicKey))
    if (binding !== undefined) return `${role} ${toHex(binding.handle).slice(0, 8)}`
    return role === 'log' ? this.#clinic.identity.log : this.#clinic.identity.site
  }
}

function at(ms: number): string {
  return instantText(ms, offsetMinAt(ms))
}
