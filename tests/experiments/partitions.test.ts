import { expect, it } from 'vitest'
import { partitions } from './partitions.ts'
import { whyNoNamespaces } from './support/namespaces.ts'

const why = whyNoNamespaces()

it.skipIf(why !== null)(
  `while one of four is cut off all go on writing, three go on agreeing, and nothing contradicts${why === null ? '' : ` (not here: ${why})`}`,
  { timeout: 400_000 },
  async () => {
    const { results } = await partitions({ only: ['3-1'], badMs: 8000, runs: 1 })
    expect(results.map(({ name, verdict }) => [name, verdict])).toEqual([
      ['3-1', { finalMeanwhile: 'A B C', didWritingStop: false, isHealed: true, conflicts: 0 }],
    ])
  },
)
