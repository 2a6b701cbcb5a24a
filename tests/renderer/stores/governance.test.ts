import { beforeEach, describe, expect, it } from 'vitest'
import ContractCard from '../../../src/renderer/components/ledger/ContractCard.vue'
import NetworkCard from '../../../src/renderer/components/ledger/NetworkCard.vue'
import { useGovernanceStore } from '../../../src/renderer/stores/governance.ts'
import { useSystemStore } from '../../../src/renderer/stores/system.ts'
import { createMessages } from '../../../src/renderer/i18n.ts'
import { ProposedChange, RosterChange } from '../../../src/shared/api/schemas.ts'
import { WAITING, WAITING_CONTRACT } from '../../support/fake-governance.ts'
import { PRACTITIONERS } from '../../support/fake-data.ts'
import { gate, openWindow, settle, type TestWindow } from '../../support/mount-window.ts'

/** Whose session it is: the fake people have one of each role. */
const [IT, NURSE] = [
  PRACTITIONERS.findIndex(({ role }) => role === 'it'),
  PRACTITIONERS.findIndex(({ role }) => role === 'nurse'),
]

describe('the governance store', () => {
  let window: TestWindow
  let governance: ReturnType<typeof useGovernanceStore>
  beforeEach(async () => {
    window = await openWindow({ signedInAs: IT })
    governance = useGovernanceStore()
    await governance.load()
  })

  it('says what was recorded, and only when something was', async () => {
    expect(await governance.propose({ kind: 'mirror-key' })).toBe(true)
    expect(governance.recorded).toEqual({ what: 'roster', version: 2 })
    await governance.bring('chartseal/roster-proposal/v1\n')
    expect(governance.recorded).toBeNull()
    expect(governance.now?.proposal?.version).toBe(2)
  })

  it('says why a file is no proposal, and forgets that with the next', async () => {
    expect(await governance.bring('something else')).toBe(false)
    expect(governance.rosterProblem?.code).toBe('BAD_PROPOSAL')
    await governance.bring('chartseal/roster-proposal/v1\n')
    expect(governance.rosterProblem).toBeNull()
  })

  it('publishes what was checked, and nothing that was not', async () => {
    expect(await governance.publish()).toBe(false)
    await governance.check('permit;')
    expect(governance.checked?.check.version).toBe(2)
    governance.forget()
    expect(await governance.publish()).toBe(false)
    await governance.check('permit;')
    expect(await governance.publish()).toBe(true)
    expect(governance.now?.contract).toMatchObject({ version: 2, text: 'permit;' })
    expect(window.core.calls.filter((call) => call === 'ledger.publishContract')).toHaveLength(1)
  })

  it('does one thing at a time', async () => {
    const done = await Promise.all([governance.propose({ kind: 'log-key' }), governance.propose({ kind: 'log-key' })])
    expect(done).toEqual([true, false])
  })

  it('takes the proposal out, or says that there is none', async () => {
    expect(await governance.take()).toBeNull()
    expect(governance.rosterProblem?.code).toBe('NO_PROPOSAL')
    await governance.bring('chartseal/roster-proposal/v1\n')
    expect(await governance.take()).toMatchObject({ fileName: 'roster-2.roster' })
  })

  it('looks again when the ledger grew', async () => {
    const asked = () => window.core.calls.filter((call) => call === 'ledger.governance').length
    const before = asked()
    useSystemStore().ledgerSize += 1
    await settle()
    expect(asked()).toBe(before + 1)
  })
})

async function cards(signedInAs: number, isWaiting = false) {
  const window = await openWindow({ signedInAs })
  if (isWaiting) window.core.governance = { ...window.core.governance, proposal: WAITING }
  const governance = useGovernanceStore()
  await governance.load()
  const [network, contract] = [window.mount(NetworkCard), window.mount(ContractCard)]
  await settle()
  return { window, governance, network, contract }
}

describe('the cards', () => {
  it('show sites, keys and rules to everybody, and no action', async () => {
    const { network, contract } = await cards(NURSE, true)
    expect(network.text()).toContain('Roster version 1, recorded by entry 0')
    expect(network.text()).toContain('chartseal.local/site-1')
    expect(network.text()).toContain('Log key')
    expect(network.text()).toContain('Adds the site chartseal.local/site-2.')
    expect(network.text()).toContain('1 more site must approve.')
    expect(contract.text()).toContain('Whoever looks signs that they looked.')
    for (const card of [network, contract]) {
      expect(card.find('input[type=file]').exists()).toBe(false)
      expect(card.find('form').exists()).toBe(false)
    }
    expect(network.findAll('button').map((button) => button.text())).not.toContain('Approve for this site')
  })

  it('let IT approve, save and put away what waits', async () => {
    const { governance, network } = await cards(IT, true)
    const press = async (label: string): Promise<void> => {
      await network
        .findAll('button')
        .find((button) => button.text() === label)
        ?.trigger('click')
      await settle()
    }
    await press('Approve for this site')
    expect(network.text()).toContain('This site approved.')
    await press('Put away')
    expect(governance.now?.proposal).toBeNull()
    expect(network.text()).toContain('Propose')
  })

  it('show work on the button that was pressed, and let no other be pressed meanwhile', async () => {
    const { window, network } = await cards(IT, true)
    const slow = gate()
    window.core.gates.set('ledger.approveProposal', slow.promise)
    const named = (label: string) => network.findAll('.actions button').find((button) => button.text() === label)
    const standing = (label: string) => {
      const { 'aria-busy': busy, disabled } = named(label)?.attributes() ?? {}
      return { busy: busy === 'true', disabled: disabled !== undefined }
    }
    await named('Approve for this site')?.trigger('click')
    await settle()
    expect(standing('Approve for this site')).toEqual({ busy: true, disabled: false })
    for (const other of ['Save as a file', 'Start a ceremony', 'Put away'])
      expect(standing(other), other).toEqual({ busy: false, disabled: true })
    slow.open()
    await settle()
    expect(standing('Put away')).toEqual({ busy: false, disabled: false })
  })

  it('say who approves, to those who cannot', async () => {
    const { network } = await cards(NURSE, true)
    expect(network.text()).toContain('IT of this clinic approves it')
  })

  it('say that this site approved a rival', async () => {
    const { window, governance, network } = await cards(IT)
    window.core.governance = { ...window.core.governance, proposal: { ...WAITING, mayApprove: false } }
    await governance.load()
    await settle()
    expect(network.text()).toContain('never approves two')
    expect(network.findAll('button').map((button) => button.text())).not.toContain('Approve for this site')
  })

  it('check a contract and say what it changes, or why it is none', async () => {
    const { contract } = await cards(IT)
    await contract.find('textarea').setValue('permit;')
    await contract.find('form').trigger('submit')
    await settle()
    expect(contract.text()).toContain('Version 2 can be published.')
    expect(contract.text()).toContain('New rules: new-rule')
    await contract.find('textarea').setValue('nonsense')
    expect(contract.text()).not.toContain('Version 2 can be published.')
    await contract.find('form').trigger('submit')
    await settle()
    expect(contract.text()).toContain('The reason: unexpected token')
    expect(contract.find('textarea').attributes('aria-invalid')).toBe('true')
  })

  it('say what a contract from elsewhere changes, and approve or put it away', async () => {
    const window = await openWindow({ signedInAs: IT })
    window.core.governance = { ...window.core.governance, contractProposals: [WAITING_CONTRACT] }
    const governance = useGovernanceStore()
    await governance.load()
    const card = window.mount(ContractCard)
    await settle()
    const panel = () => card.find('section[aria-label="Waiting for approval: contract version 2"]')
    expect(panel().text()).toContain('New rules: new-rule')
    expect(panel().text()).toContain('1 more site must approve.')
    const press = async (name: string) => {
      await panel()
        .findAll('button')
        .find((one) => one.text().includes(name))
        ?.trigger('click')
      await settle()
    }
    await press('Put away')
    expect(panel().exists()).toBe(false)
    window.core.governance = { ...window.core.governance, contractProposals: [WAITING_CONTRACT] }
    await governance.load()
    await settle()
    await press('Approve for this site')
    expect(governance.now?.contract.version).toBe(2)
    expect(panel().exists()).toBe(false)
  })

  it('offer no vote to those who may not, or who approved another text', async () => {
    const window = await openWindow({ signedInAs: IT })
    const rival = { ...WAITING_CONTRACT, mayApprove: false }
    window.core.governance = { ...window.core.governance, contractProposals: [rival] }
    const governance = useGovernanceStore()
    await governance.load()
    const card = window.mount(ContractCard)
    await settle()
    expect(card.text()).toContain('This site approved another text for this version.')
    expect(card.text()).not.toContain('Approve for this site')
  })

  it('offer to try again when nothing could be read', async () => {
    const window = await openWindow({ signedInAs: IT })
    window.core.failures.set('ledger.governance', 'DATABASE_DAMAGED')
    const governance = useGovernanceStore()
    await governance.load()
    const network = window.mount(NetworkCard)
    await settle()
    expect(network.text()).toContain('The database cannot be read')
  })
})

it('there are words for every change', () => {
  const { te } = createMessages().global as unknown as { te: (key: string) => boolean }
  const asked = [
    ...RosterChange.shape.kind.options.map((kind) => `governance.change.${kind}`),
    ...RosterChange.shape.parts.element.shape.kind.options.map((kind) => `governance.part.${kind}`),
    ...['log-key', 'mirror-key', 'governance-key', 'quorum', 'unanimous', 'crash-only'].flatMap((kind) => [
      `governance.propose.options.${kind}`,
      `governance.propose.hints.${kind}`,
    ]),
    ...['site', 'node', 'witness'].flatMap((kind) => [`network.remove.${kind}.title`, `network.remove.${kind}.text`]),
  ]
  expect(asked.filter((key) => !te(key))).toEqual([])
  expect(ProposedChange.options).toHaveLength(6)
})
