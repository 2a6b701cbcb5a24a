import { describe, expect, it } from 'vitest'
import { keysFrom, keysOfLog } from '../../src/ledger/log-keys.ts'
import type { Roster } from '../../src/ledger/roster.ts'
import { expectCode } from '../support/expect-code.ts'
import { testRoster, testSite } from '../support/ledger-world.ts'

const key = (n: number) => new Uint8Array(32).fill(n)
const { site } = testSite('test.local/a')
const log = site.nodes[0]?.log ?? ''
const [first, second] = [`${log}/1`, `${log}/2`]

/** Rosters that list these keys for the log, one after the other. */
const listing = (...keys: readonly number[]): Roster[] =>
  keys.map((n, i) => {
    const nodes = site.nodes.map((node) => ({ ...node, logKey: key(n) }))
    return { ...testRoster([{ ...site, nodes }]), version: i + 1 }
  })

describe('the keys of a log', () => {
  it('are those that were listed, each once, the newest last', () => {
    expect(keysOfLog(listing(1, 1, 2, 3, 2), first, null)).toEqual([key(1), key(3), key(2)])
    expect(keysOfLog(listing(1), 'test.local/b/n1/1', null)).toEqual([])
    expectCode('BAD_NAME', () => keysOfLog(listing(1), 'no origin', null))
  })

  it('of a later incarnation are the one it was opened with, and what was listed anew after that', () => {
    const opening = { logKey: key(9), listed: key(2), rosterVersion: 3 }
    expect(keysOfLog(listing(1, 2, 2), second, opening)).toEqual([key(9)])
    // A roster that only says again what the opening left behind.
    expect(keysOfLog(listing(1, 2, 2, 2), second, opening)).toEqual([key(9)])
    expect(keysOfLog(listing(1, 2, 2, 2, 4), second, opening)).toEqual([key(9), key(4)])
    expect(keysOfLog(listing(1, 2), second, null)).toEqual([])
  })

  it('that were replaced sign nothing after what a newer one signed', () => {
    const keys = [key(1), key(2), key(3)]
    expect(keysFrom(keys, key(2))).toEqual([key(2), key(3)])
    expect(keysFrom(keys, null)).toEqual(keys)
    expect(keysFrom(keys, key(7))).toEqual(keys)
  })
})
