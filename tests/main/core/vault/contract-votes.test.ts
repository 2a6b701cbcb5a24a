import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { resourceFile } from '../../../../src/main/core/resource-file.ts'
import { decodeContractProposal, encodeContractProposal } from '../../../../src/ledger/contract-proposal.ts'
import { codeOf, type OpenVault, PIN, startVault } from '../../../faults/support/clinic.ts'
import { joinedTo, networkedClinic, third, until } from '../../../support/two-clinics.ts'

const DEFAULT = readFileSync(resourceFile('contracts', 'default-v1.cedar'), 'utf8')
const changed = DEFAULT.replace('@advice("This is for IT.")', '@advice("IT does this.")')
const waitingAt = async ({ vault }: OpenVault) => (await vault.governance()).contractProposals
const versionAt = async ({ vault }: OpenVault) => (await vault.governance()).contract.version

it('is in force at every site when a quorum approved it, and asks them in words', async () => {
  const a = await networkedClinic()
  const b = await joinedTo(a)
  const c = await third(a, b)
  const { contract, contractProposals } = await a.vault.publishContract(changed)
  expect(contract.version).toBe(1)
  expect(contractProposals).toMatchObject([{ version: 2, votesMissing: 1, isApproved: true, mayApprove: true }])
  for (const open of [b, c]) await until('the others are asked', async () => (await waitingAt(open)).length === 1)
  const [asked] = await waitingAt(b)
  expect(asked).toMatchObject({ text: changed, isApproved: false, mayApprove: true, added: [], removed: [] })
  expect(asked?.changed.length).toBeGreaterThan(0)
  await b.vault.approveContract(asked?.hash ?? '')
  for (const open of [a, b, c]) {
    await until('it is in force', async () => (await versionAt(open)) === 2)
    expect((await open.vault.governance()).contract.text).toBe(changed)
    await until('nothing waits', async () => (await waitingAt(open)).length === 0)
  }
  expect(await codeOf(() => b.vault.approveContract(asked?.hash ?? ''))).toBe('NO_PROPOSAL')
}, 120_000)

it('is approved once for a version, put away, and not shown again; a start remembers all of it', async () => {
  const a = await networkedClinic()
  const b = await joinedTo(a)
  await a.vault.publishContract(changed)
  await until('the other is asked', async () => (await waitingAt(b)).length === 1)
  const [first] = await waitingAt(b)
  const rival = `${DEFAULT}\n// another\n`
  const [, own] = (await b.vault.publishContract(rival)).contractProposals
  expect(own).toMatchObject({ isApproved: true })
  expect(await codeOf(() => b.vault.approveContract(first?.hash ?? ''))).toBe('RIVAL_PROPOSAL')
  await until('both wait at the first', async () => (await waitingAt(a)).length === 2)
  expect((await waitingAt(a)).find(({ hash }) => hash === own?.hash)).toMatchObject({ mayApprove: false })
  await b.vault.close()
  const again = await startVault(b.folder)
  await again.vault.signIn(b.it, PIN)
  expect(await codeOf(() => again.vault.approveContract(first?.hash ?? ''))).toBe('RIVAL_PROPOSAL')
  await again.vault.discardContract(own?.hash ?? '')
  const { contract } = await again.vault.approveContract(first?.hash ?? '')
  expect([contract.version, contract.text]).toEqual([2, changed])
  await until('it is in force at the first', async () => (await versionAt(a)) === 2)
}, 120_000)

it('takes nothing from a text that no site approved, that is no contract, or that it put away', async () => {
  const a = await networkedClinic()
  const b = await joinedTo(a)
  type Heard = { ready(): { governance: { hear(text: string): Promise<void>; texts(): string[] } } }
  const { governance } = (b.vault as unknown as Heard).ready()
  await a.vault.publishContract(changed)
  await until('the other is asked', async () => (await waitingAt(b)).length === 1)
  const [text = ''] = governance.texts()
  const file = decodeContractProposal(text)
  for (const hostile of [
    encodeContractProposal({ ...file, document: new TextEncoder().encode(`${changed}\n// x\n`) }),
    encodeContractProposal({ ...file, version: 9 }),
    `${text}AAAA\n`,
    'chartseal/contract-proposal/v1\n',
  ])
    await governance.hear(hostile)
  const [only, ...more] = await waitingAt(b)
  expect([more, only?.approvedBy.length]).toEqual([[], 1])
  await b.vault.discardContract(only?.hash ?? '')
  await governance.hear(text)
  expect(await waitingAt(b)).toEqual([])
}, 120_000)
