import { blockHash } from '../../../ledger/block.ts'
import { rosterAt } from '../../../ledger/directory.ts'
import { encodeCbor } from '../../../ledger/cbor.ts'
import { decodeEntry } from '../../../ledger/entry.ts'
import { encodeRosterFields } from '../../../ledger/fields.ts'
import type { SignedRoster } from '../../../ledger/governance.ts'
import { leafHash } from '../../../ledger/hash.ts'
import { splitOrigin } from '../../../ledger/names.ts'
import type { Disclosure } from '../../../ledger/disclosure.ts'
import { encodeReceipt } from '../../../ledger/receipt.ts'
import { encodeReceiptExtra } from '../../../ledger/receipt-extra.ts'
import { electorateOf } from '../../../ledger/finality.ts'
import { liarsAllowed } from '../../../ledger/log-finality.ts'
import { leastCosignatures } from '../../../ledger/policy.ts'
import { policyMode } from '../../../ledger/policy-safety.ts'
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
import { verifyRecord } from '../verify-record.ts'
import { viewerFor, type Clinic } from './clinic.ts'
import { localInstant } from './local-time.ts'
import { logKeyAt } from './cosignatures.ts'
import type { Block, Failed, LogReplica } from './log-replica.ts'

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
    const electorate = roster === undefined ? null : electorateOf(roster)
    const newest = replica.live.blockOf(size - 1)
    const mark = keystore.highWater.read()
    return {
      network: toHex(identity.network),
      origin: identity.origin,
      size,
      root: toHex(root),
      blocks: replica.live.newestBlock + 1,
      closed: replica.logs.slice(0, -1).map((log) => ({ origin: log.origin, size: log.head.size })),
      sites: roster?.sites.length ?? 1,
      faultySitesTolerated: electorate === null ? 0 : liarsAllowed(electorate),
      quorum: electorate === null ? 1 : leastCosignatures(electorate.policy),
      policy: roster?.policy ?? '',
      policyMode: electorate === null ? 'solo' : policyMode(electorate.policy),
      final: this.#clinic.grades.finalSize(replica.live),
      sealedAt: 'step' in newest ? null : localInstant(newest.sealedAtMs),
      highWaterMark: typeof mark !== 'object' ? 'missing' : mark.size === size ? 'equal' : 'behind',
    }
  }

  /** @throws ApiFailure `UNKNOWN_ENTRY` when no log of this site has that origin. */
  blocks(origin: string | null, before: number | null, limit: number): LedgerBlock[] {
    viewerFor(this.#clinic, 'ledger')
    const log = this.#log(origin)
    return log.store.checkpoints(log.origin, before, limit).map((row) => this.#block(log, row, log.block(row)))
  }

  /** @throws ApiFailure `UNKNOWN_ENTRY` when no log of this site has that origin. */
  entries(origin: string | null, from: number, limit: number): LedgerEntry[] {
    viewerFor(this.#clinic, 'ledger')
    const log = this.#log(origin)
    const end = Math.min(from + limit, log.head.size)
    return Array.from({ length: Math.max(0, end - from) }, (_, i) => this.#entry(log, from + i))
  }

  /** The log of an origin; the live one for null. */
  #log(origin: string | null): LogReplica {
    const { replica, foreign } = this.#clinic
    const log = origin === null ? replica.live : (replica.log(origin) ?? foreign?.log(origin) ?? null)
    if (log === null) throw new ApiFailure('UNKNOWN_ENTRY')
    return log
  }

  /** @throws ApiFailure `UNKNOWN_ENTRY`, or `RECORD_NOT_VERIFIED` when its bytes are not those of the tree. */
  proof(origin: string | null, index: number): Proof {
    viewerFor(this.#clinic, 'ledger')
    const { replica, identity, keystore, grades, standing } = this.#clinic
    const log = this.#log(origin)
    if (index >= log.head.size) throw new ApiFailure('UNKNOWN_ENTRY')
    // The checkpoint that says most to a stranger: not the newest, while others are cosigned and hold the entry.
    const { size, note } = standing.cosignatures.portable(log, index)
    // A note that is not marked yet could be signed differently after a crash: it does not leave.
    const mark = keystore.highWater.read()
    if (log === replica.live && (typeof mark !== 'object' || mark.size < size)) throw new ApiFailure('WRONG_STATE')
    const bytes = log.provenBytes(index)
    if (!(bytes instanceof Uint8Array)) throw new ApiFailure('RECORD_NOT_VERIFIED')
    const { body, placement, signatures } = decodeEntry(bytes)
    const row = log.store.checkpointCoveringIndex(log.origin, index)
    const block = row === null ? null : this.#block(log, row, log.blockOf(index))
    return {
      networkId: toHex(identity.network),
      rosters: rostersUpTo(log, size).map((signed) => toHex(encodeCbor(encodeRosterFields(signed)))),
      opened: splitOrigin(log.origin).incarnation > 1 ? toHex(provenBytes(log, 0)) : null,
      origin: log.origin,
      logKey: toHex(logKeyAt(log, size).publicKey),
      index,
      size,
      entry: toHex(bytes),
      leaf: toHex(leafHash(h, bytes)),
      path: log.trusted.tree.proveInclusion(index, size).map(toHex),
      checkpoint: note,
      seal: toHex(provenBytes(log, size - 1)),
      sealPath: log.trusted.tree.proveInclusion(size - 1, size).map(toHex),
      block,
      grade: grades.gradeAt(log, index),
      type: body.type,
      at: localInstant(body.time),
      subject:
        body.subject === null || placement === null
          ? null
          : {
              handle: toHex(body.subject),
              seq: placement.subjectSeq,
              previousLeaf: placement.previousLeaf === null ? null : toHex(placement.previousLeaf),
            },
      payload: body.payload === null ? null : this.#payload(log, index, body.payload),
      signatures: signatures.map(({ role, publicKey, signature }) => ({
        role,
        publicKey: toHex(publicKey),
        signature: toHex(signature),
        signer: this.#signerName(role, publicKey),
      })),
    }
  }

  /**
   * The proof of an entry as a file.
   *
   * @param disclosure - The content of the record, for whom it is meant; null for everybody else.
   * @throws ApiFailure as {@link LedgerViews.proof}.
   */
  receipt(from: string | null, index: number, disclosure: Disclosure | null = null): ReceiptFile {
    const log = this.#log(from)
    const { entry, opened, path, checkpoint, seal, sealPath, origin, size } = this.proof(from, index)
    const extra = {
      entry: fromHex(entry),
      rosters: rostersUpTo(log, size),
      opened: opened === null ? null : fromHex(opened),
      seal: fromHex(seal),
      sealPath: sealPath.map(fromHex),
      disclosure,
    }
    const text = encodeReceipt({ extra: encodeReceiptExtra(extra), index, path: path.map(fromHex), checkpoint })
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
    const places = replica.logs.flatMap((log) => Array.from({ length: log.head.size }, (_, index) => ({ log, index })))
    const total = places.length
    let findings = 0
    const find = (origin: string, index: number | null, { step, reason }: Failed) => {
      findings += 1
      report({ kind: 'finding', origin, index, step, reason: reason.slice(0, 300) })
    }
    for (const { origin, tile } of replica.logs.flatMap(({ origin, damagedTiles }) =>
      damagedTiles.map((tile) => ({ origin, tile })),
    ))
      find(origin, null, {
        step: 'inclusion',
        reason: `tree tile ${tile} was damaged and was found again from the entries`,
      })
    let checked = 0
    for (; checked < total && !this.#cancelled.has(run); checked++) {
      const { log, index } = places[checked] ?? unreachable()
      const failed = await this.#check(log, index)
      if (failed !== null) find(log.origin, index, failed)
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
  async #check(log: LogReplica, index: number): Promise<Failed | null> {
    const { replica } = this.#clinic
    const verified = log.verifiedEntry(index)
    if ('step' in verified) return verified
    // The copy in the keystore may stand in for a damaged row when it is used, but not when rows are audited.
    const damaged = log.rowFailure(index)
    if (damaged !== null) return damaged
    const block = log.blockOf(index)
    if ('step' in block) return block
    const { subject, payload } = verified.entry.body
    if (subject === null || payload === null) return null
    if (this.#clinic.foreign?.isErased({ origin: log.origin, index }) === true) return null
    const link = replica.chain(toHex(subject)).links.find((other) => other.log === log && other.index === index)
    if (link === undefined) return { step: 'completeness', reason: 'it is in no chain' }
    const row = await verifyRecord(this.#clinic, {
      subject: toHex(subject),
      link,
      view: 'clinical',
      viewer: null,
      read: () => null,
    })
    // A record that was erased is as it should be.
    return row.status === 'rejected' && row.step !== 'erased' ? row : null
  }

  #block(log: LogReplica, row: { block: number; size: number }, block: Block | Failed): LedgerBlock {
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
        sealedAt: localInstant(0),
        grade: this.#clinic.grades.gradeAt(log, 0),
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
      sealedAt: localInstant(sealedAtMs),
      grade: this.#clinic.grades.gradeAt(log, checkpoint.size - 1),
      problem: null,
    }
  }

  #entry(log: LogReplica, index: number): LedgerEntry {
    const verified = log.verifiedEntry(index)
    if ('step' in verified)
      return { index, entryId: null, type: null, at: null, signedBy: [], subject: null, problem: verified.step }
    const { body, signatures } = verified.entry
    return {
      index,
      entryId: toHex(body.id),
      type: body.type,
      at: localInstant(body.time),
      signedBy: signatures.map(({ role }) => role),
      subject: body.subject === null ? null : toHex(body.subject),
      problem: null,
    }
  }

  #payload(
    log: LogReplica,
    index: number,
    { commitment, ciphertextHash }: { commitment: Uint8Array; ciphertextHash: Uint8Array },
  ): Proof['payload'] {
    const sealedBytes = log.store.payload(log.origin, index)?.ciphertext.length ?? 0
    return { commitment: toHex(commitment), ciphertextHash: toHex(ciphertextHash), sealedBytes }
  }

  /** Whom a key belongs to, as a handle: names are in sealed records. */
  #signerName(role: string, publicKey: Uint8Array): string {
    const binding = this.#clinic.replica.directory.bindings.get(toHex(publicKey))
    if (binding !== undefined) return `${role} ${toHex(binding.handle).slice(0, 8)}`
    return role === 'log' ? this.#clinic.identity.log : this.#clinic.identity.site
  }
}

/** Rosters from the first to the one that the seal of a tree of `size` names, with their approvals. */
function rostersUpTo({ directory }: LogReplica, size: number): SignedRoster[] {
  return directory.rosters.filter(({ from }) => from < size).map(({ signed }) => signed)
}

/** @throws ApiFailure `RECORD_NOT_VERIFIED` when the bytes are not those of the tree. */
function provenBytes(log: LogReplica, index: number): Uint8Array {
  const bytes = log.provenBytes(index)
  if (!(bytes instanceof Uint8Array)) throw new ApiFailure('RECORD_NOT_VERIFIED')
  return bytes
}

function unreachable(): never {
  throw new Error('bug: a place for each entry')
}
