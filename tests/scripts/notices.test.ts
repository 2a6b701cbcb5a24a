import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { shippedPackages, writeNotices } from '../../scripts/lib/notices.mjs'

const root = join(import.meta.dirname, '../..')
const readJson = (name: string) =>
  JSON.parse(readFileSync(join(root, name), 'utf8')) as Record<string, Record<string, unknown>>

describe('third-party notices', () => {
  let folder: string
  let text: string
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'chartseal-notices-'))
    writeNotices(join(folder, 'notices.txt'))
    text = readFileSync(join(folder, 'notices.txt'), 'utf8')
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  it('reproduce the notices of the code tables', () => {
    expect(text).toContain('This material contains content from LOINC')
    expect(text).toContain('UCUM table, UCUM codes, and UCUM definitions')
  })

  it('name what is bundled into the window and what the window needs in turn', () => {
    for (const name of ['vue', '@vue/runtime-dom', 'pinia', 'zod', '@noble/hashes']) {
      expect(text).toMatch(new RegExp(`^${name.replace('/', '\\/')} \\d+\\.\\d+\\.\\d+$`, 'm'))
    }
  })

  it('say under which licence a package is used that brings no text', () => {
    const [, libp2p] = /^libp2p \d[^]*?\n\n([^]*?)\n---/m.exec(text) ?? []
    expect(libp2p).toContain('used under the Apache License, Version 2.0: the file LICENSE has its text')
  })

  it('leave out tools that do not ship', () => {
    const shipped = shippedPackages(readJson('package-lock.json').packages!)
    for (const tool of ['typescript', 'vitest', 'eslint', 'electron']) expect(shipped.has(tool)).toBe(false)
  })
})
