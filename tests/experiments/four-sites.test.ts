import { expect, it } from 'vitest'
import { liarsIn } from './byzantine.ts'
import { fourSitesIn } from './four-sites.ts'
import { withSites } from './support/network.ts'

it('four sites: three are enough, whoever fails or lies, and a changed byte is found', { timeout: 400_000 }, () =>
  withSites(async (sites) => {
    const { findings } = await fourSitesIn(sites, { writes: 1, isFull: false })
    expect(findings).toEqual({
      needed: 3,
      votesWithoutD: 3,
      votesWithoutB: 3,
      wasChanged: true,
      isRepaired: true,
      isSameEverywhere: true,
    })
    // B is down. What comes back has its keys, and is not B.
    const ended = await liarsIn(sites, 100)
    const states = Object.fromEntries(ended.map(({ what, state }) => [what, state]))
    expect(states).toMatchObject({
      'replays old checkpoints': expect.stringMatching(/^(current|behind|current, behind|behind, current)$/) as string,
      'forks its log, and cosigns both branches': 'frozen at A, C, D; convicted offline by file: log and its site',
      'sends what is no message': 'hung up on by all three',
      'sends a frame of one byte too many': 'hung up on by all three',
      'claims a frame of 4 GiB': 'hung up on by all three',
      'claims a frame of no bytes': 'hung up on by all three',
    })
  }),
)
