import { expect, it } from 'vitest'
import type { Keystore } from '../../../../src/main/keystore/keystore.ts'
import { besideKeystore, MAX_INCARNATIONS, Openings } from '../../../../src/main/core/vault/openings.ts'
import { decodeRoster } from '../../../../src/ledger/roster.ts'
import { testKey, TestLog } from '../../../support/ledger-world.ts'
import { openingOf, rulesOf } from '../../../support/openings.ts'

const log = new TestLog().found()
const second = `${log.log}/2`

/** Secrets of a keystore, in memory. */
function kept() {
  const files = new Map<string, Uint8Array>()
  const get = (name: string) => files.get(name) ?? null
  const put = (name: string, bytes: Uint8Array) => Promise.resolve(void files.set(name, bytes))
  const secrets = { get, put } as unknown as Keystore['secrets']
  const failed = (error: unknown) => {
    throw error
  }
  return { open: (rules = rulesOf(log)) => new Openings(rules, besideKeystore(secrets, failed)) }
}

it('are known again after a start, each told once', () => {
  const { open } = kept()
  const openings = open()
  const bytes = openingOf(log)
  expect([openings.add(bytes), openings.add(bytes)]).toEqual([second, null])
  const again = open()
  expect(again.of(second)?.bytes).toEqual(bytes)
  expect(again.after(log.origin)?.origin).toBe(second)
  expect([again.list(), again.isTwice(second), again.after(second)]).toEqual([[bytes], false, null])
})

it('of one number that differ contest it for ever', () => {
  const { open } = kept()
  const openings = open()
  const first = openingOf(log)
  const rival = openingOf(log, { logKey: testKey('a copy') })
  const third = openingOf(log, { logKey: testKey('another copy') })
  expect([openings.add(first), openings.add(rival), openings.add(third)]).toEqual([second, second, null])
  const again = open()
  expect([again.isTwice(second), again.list()]).toEqual([true, [first, rival]])
  expect(again.of(second)?.bytes).toEqual(first)
})

it('under a roster that comes later wait for it', () => {
  const { open } = kept()
  let newest = 1
  const roster = (version: number) => (version <= newest ? decodeRoster(log.rosterDocument) : null)
  const openings = open({ ...rulesOf(log), roster })
  expect(openings.add(openingOf(log, { rosterVersion: 2 }))).toBeNull()
  const again = () => openings.takeWaiting().map((bytes) => openings.add(bytes))
  expect([again(), openings.of(second)]).toEqual([[null], null])
  newest = 2
  expect(again()).toEqual([second])
  expect(openings.of(second)?.rosterVersion).toBe(2)
})

it('are followed so far and no further: a hundred are not kept', () => {
  const openings = kept().open()
  let taken = 0
  for (let incarnation = 2; incarnation < 102; incarnation++) {
    const bytes = openingOf(log, { incarnation, logKey: testKey(`log ${incarnation}`) })
    try {
      if (openings.add(bytes) !== null) taken += 1
    } catch (error) {
      expect(error).toMatchObject({ code: 'TOO_LARGE' })
    }
  }
  expect([taken, openings.list().length]).toEqual([MAX_INCARNATIONS, MAX_INCARNATIONS])
})
