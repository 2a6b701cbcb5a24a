import { expect, it } from 'vitest'
import { fourSites } from './four-sites.ts'

it(
  'four sites: three are enough, whoever fails, and a changed byte is found and mended',
  { timeout: 300_000 },
  async () => {
    const { findings } = await fourSites({ writes: 1, isFull: false })
    expect(findings).toEqual({
      needed: 3,
      votesWithoutD: 3,
      votesWithoutB: 3,
      wasChanged: true,
      isRepaired: true,
      isSameEverywhere: true,
    })
  },
)
