import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { encodeBundle } from '../../../src/ledger/bundle.ts'
import { signCheckpoint } from '../../../src/ledger/checkpoint.ts'
import { cosign } from '../../../src/ledger/cosignature.ts'
import { leafHash, nobleHasher as h, utf8 } from '../../../src/ledger/hash.ts'
import { formatNote, formatSignature } from '../../../src/ledger/note.ts'
import { bundlePath, tilePath } from '../../../src/ledger/tile-layout.ts'
import { TreeWriter } from '../../../src/ledger/tree-writer.ts'
import { encodeVkey, keyIdOf } from '../../../src/ledger/vkey.ts'
import { toBase64 } from '../../../src/shared/bytes.ts'
import { temporaryFolder } from '../../faults/support/clinic.ts'
import { testKey } from '../../support/ledger-world.ts'
import { sharedData } from '../../support/shared-data.ts'
import { chartseal, jsonLines, WITHOUT_CORE } from './run.ts'

// transparency-dev/tessera, testdata/log (Apache-2.0): a log of 15 entries written by another implementation.
const tessera = sharedData('tessera-log/log')
const TESSERA_KEY = 'example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx'

/** Files below a folder, as paths with slashes. */
function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort()
}

const findingsOf = (stdout: string) => jsonLines(stdout).filter(({ kind }) => kind === 'finding')

describe.skipIf(tessera === null)('needs ../shared/data: fsck of a log written by Tessera', () => {
  const copied = (): string => {
    const folder = join(temporaryFolder(), 'log')
    cpSync(tessera ?? '', folder, { recursive: true })
    return folder
  }

  it('finds nothing wrong', () => {
    const { status, stdout, stderr } = chartseal(['fsck', tessera ?? '', '--key', TESSERA_KEY])
    expect({ status, stdout, stderr }).toEqual({
      status: 0,
      stdout: 'valid: example.com/log/testdata, 15 entries, 30 files\n',
      stderr: '',
    })
  })

  it('says the same as JSON', () => {
    const { status, stdout } = chartseal(['fsck', tessera ?? '', '--key', TESSERA_KEY, '--json'])
    expect(status).toBe(0)
    expect(jsonLines(stdout)).toEqual([
      {
        kind: 'result',
        command: 'fsck',
        valid: true,
        findings: 0,
        origin: 'example.com/log/testdata',
        size: 15,
        root: 'aca6c38a90af86e5f5199ee0e4105ef2c03a05b27b8daff59e4e36eefdfcddcb',
        files: 30,
        notCovered: 0,
        cosigned: [],
      },
    ])
  })

  it('finds one flipped byte in any file of the log, and names the file', { timeout: 120_000 }, () => {
    const folder = copied()
    const covered = filesIn(folder).filter((path) => path === 'checkpoint' || path.startsWith('tile/'))
    expect(covered.length).toBe(31)
    for (const path of covered) {
      const sound = readFileSync(join(folder, path))
      const bent = Buffer.from(sound)
      bent[Math.floor(sound.length / 2)]! ^= 1
      writeFileSync(join(folder, path), bent)
      const { status, stdout } = chartseal(['fsck', folder, '--key', TESSERA_KEY, '--json'])
      expect({ path, status }).toEqual({ path, status: 1 })
      expect(new Set(findingsOf(stdout).map((finding) => finding.path))).toEqual(new Set([path]))
      writeFileSync(join(folder, path), sound)
    }
  })

  it('finds every flipped byte of the checkpoint', { timeout: 120_000 }, () => {
    const folder = copied()
    const sound = readFileSync(join(folder, 'checkpoint'))
    for (let at = 0; at < sound.length; at += 9) {
      const bent = Buffer.from(sound)
      bent[at]! ^= 1
      writeFileSync(join(folder, 'checkpoint'), bent)
      const { status, stdout } = chartseal(['fsck', folder, '--key', TESSERA_KEY, '--json'])
      expect({ at, status, path: findingsOf(stdout)[0]?.path }).toEqual({ at, status: 1, path: 'checkpoint' })
    }
  })

  it('counts what the signed tree does not cover', () => {
    const folder = copied()
    cpSync(join(folder, 'checkpoint.7'), join(folder, 'checkpoint'))
    const { status, stdout } = chartseal(['fsck', folder, '--key', TESSERA_KEY, '--json'])
    expect(status).toBe(0)
    expect(jsonLines(stdout).at(-1)).toMatchObject({ size: 7, notCovered: 16 })
  })
})

/** A small log of somebody else's: key under another name, extension line, two cosigners. */
function strangersLog() {
  const folder = join(temporaryFolder(), 'log')
  const entries = Array.from({ length: 300 }, (_, i) => utf8(`entry ${i}`))
  const { size, root, tiles } = new TreeWriter(h, 0, []).append(entries.map((entry) => leafHash(h, entry)))
  const put = (path: string, bytes: Uint8Array | string): void => {
    mkdirSync(join(folder, path, '..'), { recursive: true })
    writeFileSync(join(folder, path), bytes)
  }
  for (const { level, index, bytes } of tiles) put(tilePath({ level, index, width: bytes.length / 32 }), bytes)
  put(bundlePath(0, 256), encodeBundle(entries.slice(0, 256)))
  put(bundlePath(1, 44), encodeBundle(entries.slice(256)))
  const log = { name: 'log.example', type: 1 as const, publicKey: testKey('stranger').publicKey }
  const text = `origin.example\n${size}\n${toBase64(root)}\nan extension line\n`
  const witness = { name: 'w.example', type: 4 as const, publicKey: testKey('w').publicKey }
  const note =
    formatNote(text, [{ name: log.name, keyId: keyIdOf(log), signature: testKey('stranger').sign(utf8(text)) }]) +
    formatSignature(cosign(text, witness, 1_760_000_000, testKey('w').sign))
  put('checkpoint', note)
  const lazy = { name: 'lazy.example', type: 4 as const, publicKey: testKey('lazy').publicKey }
  return { folder, log: encodeVkey(log), witness: encodeVkey(witness), lazy: encodeVkey(lazy), put }
}

describe('fsck', () => {
  it('takes the key of a log or of a cosigner', () => {
    const { folder, log, witness, lazy } = strangersLog()
    for (const key of [log, witness]) {
      const { status, stdout } = chartseal(['fsck', folder, '--key', key], '', WITHOUT_CORE)
      expect({ status, stdout }).toEqual({ status: 0, stdout: 'valid: origin.example, 300 entries, 5 files\n' })
    }
    const { status, stdout } = chartseal(['fsck', folder, '--key', lazy])
    expect(status).toBe(1)
    expect(stdout).toMatch(/^checkpoint: NOTE_UNSIGNED/)
  })

  it('asks for the quorum of a policy', () => {
    const { folder, log, witness, lazy, put } = strangersLog()
    const policy = (k: number) => `witness w ${witness}\nwitness l ${lazy}\ngroup g ${k} w l\nquorum g\n`
    put('one', policy(1))
    put('two', policy(2))
    const one = chartseal(['fsck', folder, '--key', log, '--policy', join(folder, 'one'), '--json'])
    expect({ status: one.status, cosigned: jsonLines(one.stdout).at(-1)?.cosigned }).toEqual({
      status: 0,
      cosigned: ['w'],
    })
    const two = chartseal(['fsck', folder, '--key', witness, '--policy', join(folder, 'two'), '--json'])
    expect({ status: two.status, findings: findingsOf(two.stdout) }).toMatchObject({
      status: 1,
      findings: [{ path: 'checkpoint', problem: 'QUORUM_MISSING' }],
    })
  })

  it('names what is missing, and what is not a file', () => {
    const { folder, log } = strangersLog()
    rmSync(join(folder, 'tile/entries/000'))
    mkdirSync(join(folder, 'tile/entries/000'))
    expect(chartseal(['fsck', folder, '--key', log]).stdout).toBe(
      'tile/entries/000: MISSING\ninvalid: 1 findings: origin.example, 300 entries, 4 files\n',
    )
  })

  it('accepts an empty log', () => {
    const folder = temporaryFolder()
    const key = testKey('empty')
    const name = 'empty.example'
    const head = { origin: name, size: 0, root: h.sha256(new Uint8Array()) }
    writeFileSync(join(folder, 'checkpoint'), signCheckpoint(head, { name, publicKey: key.publicKey }, key.sign))
    const vkey = encodeVkey({ name, type: 1, publicKey: key.publicKey })
    expect(chartseal(['fsck', folder, '--key', vkey]).status).toBe(0)
  })

  it.each<[string, string[]]>([
    ['without a folder', ['fsck']],
    ['without a key', ['fsck', '/tmp']],
    ['with a key that is none', ['fsck', '/tmp', '--key', 'x']],
    ['of a folder that is not there', ['fsck', '/nowhere', '--key', TESSERA_KEY]],
    ['of a file', ['fsck', import.meta.filename, '--key', TESSERA_KEY]],
    ['of a folder without a checkpoint', ['fsck', import.meta.dirname, '--key', TESSERA_KEY]],
  ])('ends with 2 %s', (_name, args) => {
    const { status, stdout, stderr } = chartseal(args)
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
    expect(stderr).not.toContain('    at ')
  })
})
