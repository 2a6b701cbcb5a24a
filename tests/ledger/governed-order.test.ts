import { expect, it } from 'vitest'
import { CONTRACT_LANGUAGE } from '../../src/ledger/contract.ts'
import { contractMessage } from '../../src/ledger/governance.ts'
import { recordingOrder } from '../../src/ledger/governed-order.ts'
import { utf8 } from '../../src/ledger/hash.ts'
import { approvalsBy, testKey, type TestKey, testRoster, testSite, verifier } from '../support/ledger-world.ts'

const network = new Uint8Array(32).fill(1)
const [a, b] = ['a', 'b'].map((name) => testSite(`test.local/${name}`)) as [Site, Site]
type Site = ReturnType<typeof testSite>
const renewed = testKey('the next key of b')

/** Two sites, of which one gets another key with the third version, and a third version after that. */
const rosters = [
  b.site,
  b.site,
  { ...b.site, governanceKey: renewed.publicKey },
  { ...b.site, governanceKey: renewed.publicKey },
].map((site, i) => ({ ...testRoster([a.site, site]), version: i + 1 }))

function contract(version: number, ...by: readonly TestKey[]) {
  const text = { version, language: CONTRACT_LANGUAGE, document: utf8(`contract ${version}`) }
  return { ...text, approvals: approvalsBy(by, contractMessage(network, text)) }
}

const orderOf = (...contracts: readonly ReturnType<typeof contract>[]) =>
  recordingOrder(verifier, network, rosters, contracts).map(({ type, index }) => `${type} ${index + 1}`)

it('puts a contract before the roster in which those who approved it have other keys', () => {
  const [old, late] = [
    [a.governance, b.governance],
    [a.governance, renewed],
  ]
  expect(orderOf(contract(1, ...old), contract(2, ...old), contract(3, ...late))).toEqual([
    ...['roster 1', 'contract 1', 'contract 2', 'roster 2', 'roster 3', 'contract 3', 'roster 4'],
  ])
  expect(orderOf(contract(1, ...late))).toEqual(['roster 1', 'roster 2', 'roster 3', 'contract 1', 'roster 4'])
  expect(orderOf()).toEqual(['roster 1', 'roster 2', 'roster 3', 'roster 4'])
})

it('leaves nothing out, also where nobody approved', () => {
  expect(orderOf(contract(1, a.governance), contract(2))).toEqual([
    ...['roster 1', 'roster 2', 'roster 3', 'roster 4', 'contract 1', 'contract 2'],
  ])
})
