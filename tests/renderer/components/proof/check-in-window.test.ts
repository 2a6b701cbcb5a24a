// @vitest-environment node
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { signCheckpoint } from '../../../../src/ledger/checkpoint.ts'
import { encodeReading } from '../../../../src/ledger/fields.ts'
import { leafHash, nobleHasher as h } from '../../../../src/ledger/hash.ts'
import { TileTree } from '../../../../src/ledger/tiles.ts'
import { TreeWriter } from '../../../../src/ledger/tree-writer.ts'
import { decodeEntry } from '../../../../src/ledger/entry.ts'
import { CHECK_STEPS, checkInWindow } from '../../../../src/renderer/components/proof/check-in-window.ts'
import type { Proof } from '../../../../src/shared/api/schemas.ts'
import { toHex } from '../../../../src/shared/bytes.ts'
import { handle, somePayload, TestLog } from '../../../support/ledger-world.ts'
import { MemoryTiles } from '../../../support/memory-tiles.ts'

const world = new TestLog().found()

/** The proof of a reading that the ledger's own code made, as the core sends it. */
function proofOfReading(): Proof {
  const body = world.body('reading', {
    subject: handle('patient'),
    payload: somePayload,
    fields: encodeReading({ method: 'device', device: handle('device') }),
  })
  const bytes = world.entry(body, [
    ['practitioner', world.nurse],
    ['device', world.device],
  ])
  const entries = [...world.entries, bytes, world.sealEntry(0, world.own.log, world.entries.length + 1)]
  const { tiles, ...head } = new TreeWriter(h, 0, []).append(entries.map((entry) => leafHash(h, entry)))
  const store = new MemoryTiles()
  store.put(tiles)
  const tree = new TileTree(h, head, store)
  const index = entries.length - 2
  const log = world.own.log
  return {
    networkId: toHex(world.network),
    rosters: world.rosterProof().map(toHex),
    opened: null,
    origin: world.origin,
    logKey: toHex(log.publicKey),
    index,
    size: head.size,
    entry: toHex(bytes),
    leaf: toHex(leafHash(h, bytes)),
    path: tree.proveInclusion(index).map(toHex),
    seal: toHex(entries.at(-1)!),
    sealPath: tree.proveInclusion(index + 1).map(toHex),
    checkpoint: signCheckpoint(
      { origin: world.origin, ...head },
      { name: world.origin, publicKey: log.publicKey },
      log.sign,
    ),
    block: null,
    grade: { name: 'sealed', k: 0, q: 1 },
    type: 'reading',
    at: '2026-03-03T14:05:00+01:00',
    subject: null,
    payload: null,
    signatures: decodeEntry(bytes).signatures.map(({ role, publicKey, signature }) => ({
      role,
      publicKey: toHex(publicKey),
      signature: toHex(signature),
      signer: role,
    })),
  }
}

const proof = proofOfReading()
const check = (changed: Partial<Proof> = {}) => checkInWindow({ ...proof, ...changed }, () => 0)
const failed = (changed: Partial<Proof>) =>
  check(changed).steps.flatMap((step) => (step.result === 'failed' ? [step.name] : []))

describe('checkInWindow', () => {
  it('confirms what the ledger made, step by step', () => {
    const result = check()
    expect(result.verdict).toBe('good')
    expect(result.steps.map((step) => step.name)).toEqual([...CHECK_STEPS])
    expect(result.steps.every((step) => step.result === 'passed')).toBe(true)
  })

  it('measures with the clock it is given', () => {
    const times = [100, 107]
    expect(checkInWindow(proof, () => times.shift() ?? 0).ms).toBe(7)
  })

  it.each<[string, Partial<Proof>]>([
    ['another kind', { type: 'access' }],
    ['another leaf hash', { leaf: '00'.repeat(32) }],
    ['one signature less', { signatures: proof.signatures.slice(1) }],
    [
      'another key beside a signature',
      { signatures: proof.signatures.map((one) => ({ ...one, publicKey: 'ab'.repeat(32) })) },
    ],
  ])('notices that the window shows %s', (_, changed) => {
    expect(failed(changed)).toEqual(['shown'])
    expect(check(changed).verdict).toBe('bad')
  })

  it('refutes every changed byte of the entry', () => {
    fc.assert(
      fc.property(fc.nat(proof.entry.length / 2 - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const byte = Number.parseInt(proof.entry.slice(at * 2, at * 2 + 2), 16) ^ flip
        const entry = proof.entry.slice(0, at * 2) + byte.toString(16).padStart(2, '0') + proof.entry.slice(at * 2 + 2)
        expect(check({ entry }).verdict).toBe('bad')
        expect(failed({ entry })).toContain('inclusion')
      }),
      { numRuns: 40 },
    )
  })

  it('says that later steps were not reached', () => {
    const steps = check({ rosters: ['a0'] }).steps
    expect(steps.find((step) => step.name === 'network')?.result).toBe('failed')
    expect(steps.find((step) => step.name === 'shown')?.result).toBe('skipped')
  })

  it('confirms nothing when it cannot run', () => {
    expect(check({ networkId: 'no hex' })).toMatchObject({ verdict: 'crashed', steps: [] })
  })
})
