import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { API_CODES, VERIFY_STEPS } from '../../src/shared/api/codes.ts'
import { root, tableRows } from './markdown.ts'

const text = readFileSync(join(root, 'docs/troubleshooting.md'), 'utf8')
const rows = tableRows(text).map(([first = '', cause = '', action = '']) => ({
  name: /^`([A-Za-z_]+)`$/.exec(first)?.[1] ?? null,
  cause,
  action,
}))
const named = (pattern: RegExp) => rows.flatMap(({ name }) => (name !== null && pattern.test(name) ? [name] : []))

describe('docs/troubleshooting.md', () => {
  it('has one row for each code of the API, and no other', () => {
    expect(named(/^[A-Z]+(_[A-Z]+)*$/).sort()).toEqual([...API_CODES].sort())
  })

  it('has one row for each step of verification, in order', () => {
    expect(named(/^[a-z]+$/)).toEqual([...VERIFY_STEPS])
  })

  it.each(rows.filter(({ name }) => name !== null))('says cause and remedy of $name', ({ cause, action }) => {
    expect(cause.length).toBeGreaterThan(9)
    expect(action.length).toBeGreaterThan(6)
  })
})
