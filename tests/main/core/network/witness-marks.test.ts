import { expect, it } from 'vitest'
import { witnessNameOf } from '../../../../src/ledger/roster.ts'
import { WitnessMarks } from '../../../../src/main/core/network/witness-marks.ts'
import { addCosignature, ForkedLog } from '../../../support/forked-log.ts'
import { testRoster, testSite, testWitness } from '../../../support/ledger-world.ts'

const NOON_S = 1_767_225_660
const { witness, listed } = testWitness('test.local/a/w1')
const { site, mirror } = testSite('test.local/a')
const log = new ForkedLog()
const origin = log.logKey.name
const marks = (of = origin) =>
  new WitnessMarks({
    origin: () => of,
    roster: () => testRoster([{ ...site, witnesses: [listed] }]),
    nowMs: () => NOON_S * 1000,
  })
const head = (size: number, note: string) => ({ origin, size, root: log.root(size), note })
const signed = (size: number, timeS = NOON_S, key = witness, name = witnessNameOf(listed.name)) =>
  head(size, addCosignature(log.note(size), name, key, timeS))

it('the newest head that a witness signed is known, and when', () => {
  const known = marks()
  known.learn(signed(5))
  known.learn(signed(9, NOON_S + 60))
  known.learn(signed(7, NOON_S + 90))
  expect(known.newest(listed.name)).toEqual({ size: 9, timeS: NOON_S + 60 })
})

it.each([
  ['nobody signed', head(5, log.note(5))],
  ['somebody else signed', signed(5, NOON_S, mirror)],
  ['is signed under another name', signed(5, NOON_S, witness, 'test.local/a/w2/witness')],
  ['is from the future', signed(5, NOON_S + 301)],
])('a head that %s is none', (_what, shown) => {
  const known = marks()
  known.learn(shown)
  expect(known.newest(listed.name)).toBeNull()
})

it('a head of another log says nothing about the own one', () => {
  const known = marks('test.local/other/n1/1')
  known.learn(signed(5))
  expect(known.newest(listed.name)).toBeNull()
})
