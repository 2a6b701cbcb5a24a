import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { API_CODES, VERIFY_STEPS } from '../../src/shared/api/codes.ts'
import { READING_KINDS } from '../../src/shared/reading-kinds.ts'
import { createMessages } from '../../src/renderer/i18n.ts'
import { en } from '../../src/renderer/messages/en/index.ts'

const ROOT = join(import.meta.dirname, '../../src/renderer')
const { t, te } = createMessages().global as unknown as { t: (key: string) => string; te: (key: string) => boolean }

function sources(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => /\.(vue|ts)$/.test(path) && !path.includes('messages'))
    .map((path) => readFileSync(join(folder, path), 'utf8'))
}

function leaves(value: unknown, path: string): [string, unknown][] {
  if (typeof value !== 'object' || value === null) return [[path, value]]
  return Object.entries(value).flatMap(([key, inner]) => leaves(inner, path === '' ? key : `${path}.${key}`))
}

describe('messages', () => {
  it.each([...API_CODES, 'OFFLINE'])('say what to do about %s', (code) => {
    expect(te(`errors.codes.${code}`)).toBe(true)
    expect(t(`errors.codes.${code}`)).toMatch(/^[A-Z].*[.]$/)
  })

  it.each(VERIFY_STEPS)('name the step %s', (step) => {
    expect(te(`errors.steps.${step}`)).toBe(true)
  })

  it.each(READING_KINDS)('name the kind %s', (kind) => {
    expect(te(`chart.kind.${kind}`)).toBe(true)
  })

  it('hold every key that the window asks for', () => {
    const asked = sources(ROOT).flatMap((source) =>
      [...source.matchAll(/\bt\(\s*'([a-z][\w.-]*)'/gi)].map(([, key]) => key ?? ''),
    )
    expect(asked.length).toBeGreaterThan(100)
    expect([...new Set(asked)].filter((key) => !te(key))).toEqual([])
  })

  it('hold no empty text and no text that does not compile', () => {
    for (const [path, text] of leaves(en, '')) {
      expect(typeof text, path).toBe('string')
      expect(t(path).trim(), path).not.toBe('')
    }
  })
})
