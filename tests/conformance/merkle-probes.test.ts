import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { checkConsistency } from '../../src/ledger/consistency.ts'
import { LedgerError } from '../../src/ledger/errors.ts'
import { nobleHasher } from '../../src/ledger/hash.ts'
import { checkInclusion } from '../../src/ledger/inclusion.ts'
import { equalBytes } from '../../src/shared/bytes.ts'
import { impliedRoot } from '../../src/verifier/path.ts'
import { ProofError } from '../../src/verifier/proof-error.ts'
import { sharedData } from '../support/shared-data.ts'

// transparency-dev/merkle, testdata/ (Apache-2.0).
const inclusionFolder = sharedData('merkle-probes/inclusion')
const consistencyFolder = sharedData('merkle-probes/consistency')

const probesIn = (folder: string | null): string[] =>
  folder === null ? [] : readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((f) => f.endsWith('.json'))
const bytes = (base64: string | null) => new Uint8Array(Buffer.from(base64 ?? '', 'base64'))
const read = <Probe>(folder: string | null, file: string): Probe =>
  JSON.parse(readFileSync(`${folder ?? ''}/${file}`, 'utf8')) as Probe

interface InclusionProbe {
  leafIdx: number
  treeSize: number
  root: string
  leafHash: string
  proof: string[] | null
  wantErr: boolean
}
interface ConsistencyProbe {
  size1: number
  size2: number
  root1: string
  root2: string
  proof: string[] | null
  wantErr: boolean
}

describe.skipIf(inclusionFolder === null)('needs ../shared/data: published inclusion probes', () => {
  const files = probesIn(inclusionFolder)
  it('are there', () => {
    expect(files.length).toBeGreaterThanOrEqual(83)
  })
  it.each(files)('%s', (file) => {
    const p = read<InclusionProbe>(inclusionFolder, file)
    const [leaf, root, proof] = [bytes(p.leafHash), bytes(p.root), (p.proof ?? []).map(bytes)]
    const ours = () => {
      checkInclusion(nobleHasher, { size: p.treeSize, root }, p.leafIdx, leaf, proof)
    }
    const second = () => leaf.length === 32 && equalBytes(impliedRoot(leaf, p.leafIdx, p.treeSize, proof), root)
    if (!p.wantErr) {
      ours()
      expect(second()).toBe(true)
      return
    }
    expect(ours).toThrow(LedgerError)
    expect(refuses(second)).toBe(true)
  })
})

function refuses(check: () => boolean): boolean {
  try {
    return !check()
  } catch (error) {
    return error instanceof ProofError
  }
}

describe.skipIf(consistencyFolder === null)('needs ../shared/data: published consistency probes', () => {
  const files = probesIn(consistencyFolder)
  it('are there', () => {
    expect(files.length).toBeGreaterThanOrEqual(78)
  })
  it.each(files)('%s', (file) => {
    const p = read<ConsistencyProbe>(consistencyFolder, file)
    const check = () => {
      const older = { size: p.size1, root: bytes(p.root1) }
      checkConsistency(nobleHasher, older, { size: p.size2, root: bytes(p.root2) }, (p.proof ?? []).map(bytes))
    }
    // One valid probe compares roots of 12 bytes with each other. Ours are SHA-256, and nothing else is a hash.
    const isShort = [p.root1, p.root2].some((root) => bytes(root).length !== 32)
    if (!p.wantErr && isShort) expect(check).toThrow(expect.objectContaining({ code: 'HASH_SIZE' }))
    else if (p.wantErr) expect(check).toThrow(LedgerError)
    else check()
  })
})
