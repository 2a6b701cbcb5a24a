import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { openCheckpoint, signCheckpoint } from '../../src/ledger/checkpoint.ts'
import { checkConsistency } from '../../src/ledger/consistency.ts'
import { cosign, cosignedMessage, openCosignatures } from '../../src/ledger/cosignature.ts'
import { LedgerError } from '../../src/ledger/errors.ts'
import { leafHash, nobleHasher, utf8 } from '../../src/ledger/hash.ts'
import { checkInclusion } from '../../src/ledger/inclusion.ts'
import { formatNote, parseNote } from '../../src/ledger/note.ts'
import { isSatisfied, parsePolicy, quorumPolicy } from '../../src/ledger/policy.ts'
import { encodeReceipt, parseReceipt } from '../../src/ledger/receipt.ts'
import { TreeWriter } from '../../src/ledger/tree-writer.ts'
import { parseVkey } from '../../src/ledger/vkey.ts'
import { fromHex, toHex } from '../../src/shared/bytes.ts'
import { testKey, verifier } from '../support/ledger-world.ts'
import { sharedData } from '../support/shared-data.ts'

interface Vectors {
  sites: {
    log_origin: string
    log_seed: string
    log_pub: string
    log_vkey: string
    witness_name: string
    witness_seed: string
    witness_vkey: string
  }[]
  tree: { entries_utf8: string[]; leaf_hashes: string[]; roots: string[] }
  checkpoint_3: string
  checkpoint_7: string
  checkpoint_7_cosigned_by_b_c_d: string
  cosigned_message_b: string
  inclusion_5_of_7: string[]
  consistency_3_7: string[]
  tlog_proof_index_5: string
  fork_same_size: { a: string; b: string }
  fork_prefix: { a: string; b: string; claimed_prefix_root: string; consistency_3_7_in_b: string[] }
  tile_0_000_p7: string
}

const path = sharedData('ledger-vectors.json')
const TIMES = [1767225660, 1767225720, 1767225780]

describe.skipIf(path === null)('needs ../shared/data: vectors of four sites', () => {
  const v = (path === null ? null : JSON.parse(readFileSync(path, 'utf8'))) as Vectors
  const logKeyOf = () => parseVkey(v.sites[0]?.log_vkey ?? '')
  const open = (note: string) => openCheckpoint(note, logKeyOf(), verifier)

  it('has the keys that the seeds give', () => {
    for (const site of v.sites) {
      expect(toHex(parseVkey(site.log_vkey).publicKey)).toBe(toHex(testKey(fromHex(site.log_seed)).publicKey))
      expect(toHex(parseVkey(site.witness_vkey).publicKey)).toBe(toHex(testKey(fromHex(site.witness_seed)).publicKey))
      expect(parseVkey(site.witness_vkey)).toMatchObject({ name: site.witness_name, type: 4 })
    }
  })

  it('has our roots and our tile', () => {
    const writer = new TreeWriter(nobleHasher, 0, [])
    for (const [i, text] of v.tree.entries_utf8.entries()) {
      const leaf = leafHash(nobleHasher, utf8(text))
      expect(toHex(leaf)).toBe(v.tree.leaf_hashes[i])
      expect(toHex(writer.head().root)).toBe(v.tree.roots[i])
      const { root, tiles } = writer.append([leaf])
      expect(toHex(root)).toBe(v.tree.roots[i + 1])
      if (i === 6) expect(tiles.map((t) => toHex(t.bytes))).toEqual([v.tile_0_000_p7])
    }
  })

  it('has checkpoints that we sign to the byte', () => {
    const signer = testKey(fromHex(v.sites[0]?.log_seed ?? ''))
    for (const note of [v.checkpoint_3, v.checkpoint_7]) {
      expect(signCheckpoint(open(note), logKeyOf(), signer.sign)).toBe(note)
    }
  })

  it('has cosignatures that verify, and that we make to the byte', () => {
    const cosigners = v.sites.slice(1).map((site) => parseVkey(site.witness_vkey))
    const { text, cosignatures } = openCosignatures(v.checkpoint_7_cosigned_by_b_c_d, cosigners, verifier)
    expect(cosignatures.map((c) => c.timeS)).toEqual(TIMES)
    expect(new TextDecoder().decode(cosignedMessage(text, TIMES[0] ?? 0))).toBe(v.cosigned_message_b)
    const lines = v.sites.slice(1).map((site, i) => {
      return cosign(text, parseVkey(site.witness_vkey), TIMES[i] ?? 0, testKey(fromHex(site.witness_seed)).sign)
    })
    const signed = parseNote(v.checkpoint_7).signatures
    expect(formatNote(text, [...signed, ...lines])).toBe(v.checkpoint_7_cosigned_by_b_c_d)
  })

  it('is final under the quorum policy with three of four sites, not with two', () => {
    const sites = v.sites.map((site) => ({ name: site.witness_name.slice(15, 21), key: parseVkey(site.witness_vkey) }))
    const policy = parsePolicy(quorumPolicy(sites))
    expect(isSatisfied(policy, new Set(['site-b', 'site-c', 'site-d']))).toBe(true)
    expect(isSatisfied(policy, new Set(['site-b', 'site-c']))).toBe(false)
  })

  it('has proofs that check', () => {
    const [older, newer] = [open(v.checkpoint_3), open(v.checkpoint_7)]
    checkConsistency(nobleHasher, older, newer, v.consistency_3_7.map(fromHex))
    const leaf = fromHex(v.tree.leaf_hashes[5] ?? '')
    checkInclusion(nobleHasher, newer, 5, leaf, v.inclusion_5_of_7.map(fromHex))
  })

  it('has a receipt that we read and write to the byte', () => {
    const receipt = parseReceipt(v.tlog_proof_index_5)
    expect(receipt.index).toBe(5)
    expect(encodeReceipt(receipt)).toBe(v.tlog_proof_index_5)
    checkInclusion(nobleHasher, open(receipt.checkpoint), 5, fromHex(v.tree.leaf_hashes[5] ?? ''), receipt.path)
  })

  it('has forks: two heads that the log signed and that no proof connects', () => {
    const [a, b] = [open(v.fork_same_size.a), open(v.fork_same_size.b)]
    expect(() => {
      checkConsistency(nobleHasher, a, b, [])
    }).toThrow(LedgerError)
    const { a: noteA, b: noteB, claimed_prefix_root, consistency_3_7_in_b } = v.fork_prefix
    const proof = consistency_3_7_in_b.map(fromHex)
    checkConsistency(nobleHasher, { size: 3, root: fromHex(claimed_prefix_root) }, open(noteB), proof)
    expect(() => {
      checkConsistency(nobleHasher, open(noteA), open(noteB), proof)
    }).toThrow(LedgerError)
  })
})
