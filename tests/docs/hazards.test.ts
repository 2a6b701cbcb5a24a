import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { root, tableRows } from './markdown.ts'

const text = readFileSync(join(root, 'docs/hazards.md'), 'utf8')
const COLUMNS = 6

interface Hazard {
  readonly id: string
  readonly cells: string[]
  readonly test: string
}
const hazards: Hazard[] = tableRows(text)
  .filter(([first = '']) => /^[A-Z]\d+$/.test(first))
  .map(([id = '', ...cells]) => ({ id, cells, test: cells[3] ?? '' }))

/** Tests that a cell names: a file below `tests/`, and titles in it. */
function namedTests(cell: string): { file: string; titles: string[] }[] {
  return [...cell.matchAll(/`([^`]+)`([^`]*)/g)].map(([, file = '', rest = '']) => ({
    file: join(root, 'tests', `${file}.test.ts`),
    titles: [...rest.matchAll(/“([^”]*)”/g)].map(([, title = '']) => title),
  }))
}

/** What a cell names and is not there. */
function missing(cell: string): string[] {
  return namedTests(cell).flatMap(({ file, titles }) => {
    if (!existsSync(file)) return [file]
    const code = readFileSync(file, 'utf8')
    return titles.filter((title) => title === '' || !code.includes(title))
  })
}

describe('docs/hazards.md', () => {
  it('has at least forty hazards, each under a number of its own', () => {
    expect(hazards.length).toBeGreaterThanOrEqual(40)
    expect(new Set(hazards.map(({ id }) => id)).size).toBe(hazards.length)
  })

  it.each(hazards)('$id says cause, control and what is left', ({ cells }) => {
    expect(cells.length).toBe(COLUMNS - 1)
    expect(cells.filter((cell) => cell.length < 5)).toEqual([])
  })

  it.each(hazards)('$id names a test that is there, by file and title', ({ test }) => {
    expect(namedTests(test).flatMap(({ titles }) => titles)).not.toEqual([])
    expect(missing(test)).toEqual([])
  })
})

describe('the check itself', () => {
  it('notices a file and a title that are not there', () => {
    expect(missing('`docs/nowhere` “a”')).toHaveLength(1)
    expect(missing(`\`docs/hazards\` “${['no', 'such', 'title'].join(' ')}”`)).toHaveLength(1)
    expect(missing('`docs/hazards` “notices a file and a title that are not there”')).toEqual([])
  })
})
