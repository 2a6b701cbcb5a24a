import { computed, ref, shallowRef, watch } from 'vue'
import { defineStore } from 'pinia'
import { call } from '../api/call.ts'
import type { ContractCheck, Governance, Outcome, Problem, ProposalFile, ProposedChange } from '../api/types.ts'
import { usePresenceStore } from './presence.ts'
import { useSystemStore } from './system.ts'

/** What sites decided together: roster and contract in force, and the proposal that waits. */
export const useGovernanceStore = defineStore('governance', () => {
  const system = useSystemStore()
  const presence = usePresenceStore()
  const now = shallowRef<Governance | null>(null)
  const problem = shallowRef<Problem | null>(null)
  const loaded = ref(false)
  /** The action that is under way, and on what; null for none. There is never a second one beside it. */
  const doing = ref<string | null>(null)
  const isBusy = computed(() => doing.value !== null)
  const rosterProblem = shallowRef<Problem | null>(null)
  const contractProblem = shallowRef<Problem | null>(null)
  /** What the contract that was checked last would change, and its text. */
  const checked = shallowRef<{ readonly text: string; readonly check: ContractCheck } | null>(null)
  /** Version that was recorded last by an action here; null for none. */
  const recorded = shallowRef<{ readonly what: 'roster' | 'contract'; readonly version: number } | null>(null)
  /** The proposal that was taken out last. */
  const file = shallowRef<ProposalFile | null>(null)

  /** Everything that waits, and what of it waits for the approval of this site. */
  const waiting = computed(() => {
    const { proposal, contractProposals } = now.value ?? { proposal: null, contractProposals: [] }
    return [...(proposal === null ? [] : [proposal]), ...contractProposals]
  })
  const asked = computed(() => waiting.value.filter(({ isApproved, mayApprove }) => mayApprove && !isApproved).length)

  async function load(): Promise<void> {
    const reply = await call((client) => client.ledger.governance({}))
    loaded.value = true
    if (reply.ok) now.value = reply.value
    problem.value = reply.ok ? null : reply
  }

  /** Runs an action and shows what is in force after it. */
  async function act(
    what: 'roster' | 'contract',
    action: string,
    work: () => Promise<Outcome<Governance>>,
  ): Promise<boolean> {
    if (isBusy.value) return false
    doing.value = action
    recorded.value = null
    const before = now.value?.[what].version ?? 0
    // Whoever decides for the site shows that they are at the keyboard.
    const reply = await presence.guarded(work)
    doing.value = null
    const mine = what === 'roster' ? rosterProblem : contractProblem
    mine.value = reply.ok ? null : reply
    if (!reply.ok) return false
    now.value = reply.value
    const { version } = reply.value[what]
    if (version > before) recorded.value = { what, version }
    file.value = null
    return true
  }

  const propose = (change: ProposedChange): Promise<boolean> =>
    act('roster', `propose ${change.kind}`, () => call((client) => client.ledger.proposeRoster(change)))
  const approve = (): Promise<boolean> =>
    act('roster', 'approve', () => call((client) => client.ledger.approveProposal({})))
  const discard = (): Promise<boolean> =>
    act('roster', 'discard', () => call((client) => client.ledger.discardProposal({})))
  const bring = (text: string): Promise<boolean> =>
    act('roster', 'bring', () => call((client) => client.ledger.importProposal({ text })))

  /** The proposal as a file; null when it could not be had. */
  async function take(): Promise<ProposalFile | null> {
    const reply = await call((client) => client.ledger.proposalFile({}))
    file.value = reply.ok ? reply.value : null
    rosterProblem.value = reply.ok ? null : reply
    return file.value
  }

  /** Asks what a text would change as the next contract. */
  async function check(text: string): Promise<void> {
    if (isBusy.value) return
    doing.value = 'check'
    checked.value = null
    recorded.value = null
    const reply = await call((client) => client.ledger.checkContract({ text }))
    doing.value = null
    contractProblem.value = reply.ok ? null : reply
    if (reply.ok) checked.value = { text, check: reply.value }
  }

  /** Publishes exactly the text that was checked. */
  async function publish(): Promise<boolean> {
    const text = checked.value?.text
    if (text === undefined) return false
    const done = await act('contract', 'publish', () => call((client) => client.ledger.publishContract({ text })))
    if (done) checked.value = null
    return done
  }

  const approveContract = (hash: string): Promise<boolean> =>
    act('contract', `approve ${hash}`, () => call((client) => client.ledger.approveContract({ hash })))
  const discardContract = (hash: string): Promise<boolean> =>
    act('contract', `discard ${hash}`, () => call((client) => client.ledger.discardContract({ hash })))

  /** The text was changed: what was checked is not what is there. */
  function forget(): void {
    checked.value = null
    contractProblem.value = null
  }

  watch(
    () => system.ledgerSize,
    () => {
      if (loaded.value && !isBusy.value) void load()
    },
  )

  return {
    ...{ now, waiting, asked, problem, loaded, doing, isBusy, rosterProblem, contractProblem, checked, recorded, file },
    ...{ load, propose, approve, discard, bring, take, check, publish, forget },
    ...{ approveContract, discardContract },
  }
})
