import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeCheckpoint, signCheckpoint } from '../../src/ledger/checkpoint.ts'
import { decodeEntry, encodeEntry } from '../../src/ledger/entry.ts'
import { encodeCbor } from '../../src/ledger/cbor.ts'
import { encodeReading, encodeRosterFields } from '../../src/ledger/fields.ts'
import { rosterMessage } from '../../src/ledger/governance.ts'
import { leafHash, nobleHasher as h, utf8 } from '../../src/ledger/hash.ts'
import { formatNote, parseNote } from '../../src/ledger/note.ts'
import { encodeRoster } from '../../src/ledger/roster.ts'
import { TileTree } from '../../src/ledger/tiles.ts'
import { TreeWriter } from '../../src/ledger/tree-writer.ts'
import { keyIdOf } from '../../src/ledger/vkey.ts'
import { PROOF_STEPS, type ProofInput, type ProofStepName, verifyProof } from '../../src/verifier/verify-proof.ts'
import { approvalsBy, handle, somePayload, testKey, TestLog, testRoster, testSite } from '../support/ledger-world.ts'
import { MemoryTiles } from '../support/memory-tiles.ts'

const world = new TestLog().found()
const reading = world.body('reading', {
  subject: handle('patient'),
  payload: somePayload,
  fields: encodeReading({ method: 'device', device: handle('device') }),
})
const bytes = world.entry(reading, [
  ['practitioner', world.nurse],
  ['device', world.device],
])
const logKey = { name: world.origin, publicKey: world.own.log.publicKey }

/** A proof of `entry` as the last but two of a log that begins like the test world. */
function proofOf(entry: Uint8Array, sealWith: Partial<{ seal: Uint8Array }> = {}): ProofInput {
  const before = [...world.entries, entry, world.entry(world.body('incident'), [['log', world.own.log]])]
  const entries = [...before, sealWith.seal ?? world.sealEntry(0, world.own.log, before.length)]
  const { tiles, ...head } = new TreeWriter(h, 0, []).append(entries.map((e) => leafHash(h, e)))
  const store = new MemoryTiles()
  store.put(tiles)
  const tree = new TileTree(h, head, store)
  const index = entries.length - 3
  return {
    networkId: world.network,
    rosters: world.rosterProof(),
    opened: null,
    origin: world.origin,
    logKey: logKey.publicKey,
    index,
    size: head.size,
    entry,
    path: tree.proveInclusion(index),
    checkpoint: signCheckpoint({ origin: world.origin, ...head }, logKey, world.own.log.sign),
    seal: entries.at(-1)!,
    sealPath: tree.proveInclusion(entries.length - 1),
  }
}

const proof = proofOf(bytes)
/** Failed steps and why. */
const failures = (input: ProofInput) =>
  Object.fromEntries(verifyProof(input).steps.flatMap((s) => (s.ok ? [] : [[s.name, s.reason]])))

describe('an honest proof', () => {
  it('passes every step', () => {
    const verdict = verifyProof(proof)
    expect(verdict.ok).toBe(true)
    expect(verdict.steps.map((s) => s.name)).toEqual([...PROOF_STEPS])
    expect(verdict.steps.map((s) => s.detail)).toEqual([
      '1 rosters, 1 sites',
      world.origin,
      '9 entries',
      '9 entries',
      'roster 1',
      '0 of 1: sealed',
      `${proof.path.length} hashes`,
      'reading',
      'device practitioner',
    ])
  })

  it('of every entry of the log passes', () => {
    for (const entry of world.entries) expect(failures(proofOf(entry))).toEqual({})
  })

  it('passes with more signatures under the checkpoint', () => {
    const { text, signatures } = parseNote(proof.checkpoint)
    const mirror = { name: 'm', keyId: new Uint8Array(4), signature: new Uint8Array(72) }
    expect(failures({ ...proof, checkpoint: formatNote(text, [mirror, ...signatures]) })).toEqual({})
  })
})

describe('a proof that was bent', () => {
  const other = testSite('test.local/other')
  const otherRoster = encodeRoster(testRoster([other.site]))
  const fieldsOf = (document: Uint8Array, network: Uint8Array, key = other.governance) =>
    encodeCbor(encodeRosterFields({ document, approvals: approvalsBy([key], rosterMessage(network, document)) }))
  const others = [fieldsOf(otherRoster, h.sha256(otherRoster))]
  const { text } = parseNote(proof.checkpoint)
  const sign = (changed: string) =>
    formatNote(changed, [
      { name: world.origin, keyId: keyIdOf({ ...logKey, type: 1 }), signature: world.own.log.sign(utf8(changed)) },
    ])
  const entry = decodeEntry(bytes)
  const unreached = {
    'log-key': 'NOT_REACHED',
    seal: 'NOT_REACHED',
    cosignatures: 'NOT_REACHED',
  }
  const noHead = { head: 'NOT_REACHED', seal: 'NOT_REACHED', cosignatures: 'NOT_REACHED', inclusion: 'NOT_REACHED' }

  it.each<[string, Partial<ProofInput>, Partial<Record<ProofStepName, string>>]>([
    ['roster', { rosters: others }, { network: 'OTHER_NETWORK', ...unreached }],
    ['no roster', { rosters: [] }, { network: 'BAD_SHAPE', ...unreached }],
    ['roster bytes', { rosters: [world.rosterProof()[0]!.slice(1)] }, { network: 'BAD_CBOR', ...unreached }],
    [
      'approval',
      { rosters: [fieldsOf(world.rosterDocument, world.network, other.governance)] },
      { network: 'NOT_APPROVED', ...unreached },
    ],
    [
      'network',
      { networkId: h.sha256(otherRoster), rosters: others },
      { 'log-key': 'LOG_NOT_LISTED', seal: 'OTHER_NETWORK', entry: 'OTHER_NETWORK', signatures: 'NOT_REACHED' },
    ],
    [
      'roster that is no roster',
      {
        networkId: h.sha256(Uint8Array.of(0xa0)),
        rosters: [fieldsOf(Uint8Array.of(0xa0), h.sha256(Uint8Array.of(0xa0)))],
      },
      { network: 'BAD_SHAPE', ...unreached, seal: 'OTHER_NETWORK', entry: 'OTHER_NETWORK', signatures: 'NOT_REACHED' },
    ],
    [
      'log key',
      { logKey: testKey('other').publicKey },
      { 'log-key': 'LOG_NOT_LISTED', checkpoint: 'NOT_SIGNED', ...noHead },
    ],
    ['opening of a first incarnation', { opened: bytes }, { 'log-key': 'NOT_OPENED' }],
    [
      'origin',
      { origin: 'test.local/other/n1/1' },
      {
        'log-key': 'LOG_NOT_LISTED',
        checkpoint: 'NOT_SIGNED',
        ...noHead,
        entry: 'OTHER_LOG',
        signatures: 'NOT_REACHED',
      },
    ],
    ['seal', { seal: bytes }, { seal: 'OTHER_ROOT' }],
    ['path of the seal', { sealPath: proof.sealPath.slice(1) }, { seal: 'BAD_PATH' }],
    ['index', { index: proof.index - 1 }, { inclusion: 'OTHER_ROOT' }],
    ['index past the end', { index: 99 }, { inclusion: 'BAD_PATH' }],
    ['index of no kind', { index: 0.5 }, { inclusion: 'BAD_PATH' }],
    ['size', { size: proof.size + 1 }, { head: 'OTHER_SIZE' }],
    ['path', { path: proof.path.slice(1) }, { inclusion: 'BAD_PATH' }],
    ['path hash', { path: proof.path.with(0, new Uint8Array(32)) }, { inclusion: 'OTHER_ROOT' }],
    ['path hash length', { path: proof.path.with(0, new Uint8Array(31)) }, { inclusion: 'BAD_PATH' }],
    [
      'checkpoint text',
      { checkpoint: proof.checkpoint.replace('\n9\n', '\n8\n') },
      { checkpoint: 'SIGNATURE_INVALID', ...noHead },
    ],
    ['checkpoint of another log', { checkpoint: sign(text.replace('n1', 'n2')) }, { head: 'OTHER_LOG' }],
    [
      'checkpoint of another tree',
      { checkpoint: sign(encodeCheckpoint({ origin: world.origin, size: 9, root: new Uint8Array(32) })) },
      { seal: 'OTHER_ROOT', inclusion: 'OTHER_ROOT' },
    ],
    ['checkpoint with an extension', { checkpoint: sign(`${text}more\n`) }, { checkpoint: 'BAD_NOTE', ...noHead }],
    ['entry', { entry: bytes.with(-1, 0) }, { inclusion: 'OTHER_ROOT', signatures: 'SIGNATURE_INVALID' }],
    [
      'entry that is none',
      { entry: Uint8Array.of(0xff) },
      { inclusion: 'OTHER_ROOT', entry: 'BAD_CBOR', signatures: 'NOT_REACHED' },
    ],
  ])('%s: the steps that fail are named', (_, change, expected) => {
    expect(failures({ ...proof, ...change })).toEqual(expected)
  })

  it('is found although the log signed it: forged authors, and keys that are not the site’s', () => {
    const forged = entry.signatures.map((s) => ({ ...s, signature: new Uint8Array(64) }))
    expect(failures(proofOf(encodeEntry({ ...entry, signatures: forged })))).toEqual({
      signatures: 'SIGNATURE_INVALID',
    })
    for (const role of ['log', 'governance'] as const) {
      const bent = world.entry(world.body('incident'), [[role, testKey('stranger')]])
      expect(failures(proofOf(bent))).toEqual({ signatures: 'SIGNER_NOT_LISTED' })
    }
    const foreign = world.entry({ ...reading, log: 'test.local/other/n1' }, [['practitioner', world.nurse]])
    expect(failures(proofOf(foreign))).toEqual({ entry: 'OTHER_LOG', signatures: 'NOT_REACHED' })
  })

  it('is found although the log signed it: another seal, or none', () => {
    const wrong = [
      [world.sealEntry(0, world.own.log, 7), 'OTHER_SEAL'],
      [world.sealEntry(0, testKey('stranger'), 8), 'SIGNER_NOT_LISTED'],
      [bytes, 'OTHER_SEAL'],
    ] as const
    for (const [seal, reason] of wrong) expect(failures(proofOf(bytes, { seal }))).toEqual({ seal: reason })
  })

  it('in any byte of entry, roster or path is found', () => {
    const part = fc.constantFrom('entry', 'rosters', 'path', 'networkId', 'logKey', 'seal', 'sealPath')
    fc.assert(
      fc.property(part, fc.nat(), fc.integer({ min: 1, max: 255 }), (name, at, xor) => {
        const flip = (b: Uint8Array) => b.map((byte, i) => (i === at % b.length ? byte ^ xor : byte))
        const value = proof[name as 'entry' | 'path']
        const bent = Array.isArray(value) ? value.map(flip) : flip(value as Uint8Array)
        expect(verifyProof({ ...proof, [name]: bent }).ok).toBe(false)
      }),
      { numRuns: 200 },
    )
  })

  it('in any character of the checkpoint is found, and never throws', () => {
    fc.assert(
      fc.property(fc.nat({ max: proof.checkpoint.length - 1 }), fc.string({ maxLength: 2 }), (at, put) => {
        const checkpoint = proof.checkpoint.slice(0, at) + put + proof.checkpoint.slice(at + 1)
        fc.pre(checkpoint !== proof.checkpoint)
        expect(verifyProof({ ...proof, checkpoint }).ok).toBe(false)
      }),
      { numRuns: 500 },
    )
  })

  it('of any bytes gives a verdict', () => {
    const any = fc.uint8Array({ maxLength: 60 })
    fc.assert(
      fc.property(any, any, any, fc.string(), fc.string(), fc.integer(), (roster, entry, hash, note, origin, n) => {
        const bent = { rosters: [roster], networkId: h.sha256(roster), seal: entry, sealPath: [hash], opened: entry }
        const input = { ...proof, ...bent, entry, path: [hash], checkpoint: note, origin }
        expect(verifyProof({ ...input, index: n, size: n }).ok).toBe(false)
      }),
    )
  })
})
