import { readFileSync } from 'node:fs'
import { beforeEach, expect, it, vi } from 'vitest'
import { resourceFile } from '../../../../src/main/core/resource-file.ts'
import { verifier } from '../../../../src/main/keystore/sodium.ts'
import { nobleHasher } from '../../../../src/ledger/hash.ts'
import { readReceipt, verifyReceipt } from '../../../../src/ledger/verify-receipt.ts'
import { fromHex } from '../../../../src/shared/bytes.ts'
import {
  codeOf,
  copyOf,
  furnish,
  patientNumber,
  PIN,
  signFromDevice,
  signManual,
  startVault,
  stateOf,
  temporaryFolder,
  weight,
  type OpenVault,
} from '../../../faults/support/clinic.ts'

const DEFAULT = readFileSync(resourceFile('contracts', 'default-v1.cedar'), 'utf8')

/** Files of the keystore that can still be written; null for as many as anybody likes. */
const power = vi.hoisted(() => ({ writes: null as number | null }))
vi.mock(import('../../../../src/main/keystore/files.ts'), async (original) => {
  const real = await original()
  return {
    ...real,
    writeFileAtomically: (file, content) => {
      if (power.writes !== null && power.writes-- <= 0) throw new Error('power cut')
      real.writeFileAtomically(file, content)
    },
  }
})
beforeEach(() => {
  power.writes = null
})

/** A clinic with one reading in it; IT is signed in. */
async function atWork() {
  const folder = temporaryFolder()
  const open = await startVault(folder)
  const staff = await furnish(open)
  await open.vault.signIn(staff.nurse, PIN)
  const { handle } = await open.vault.registerPatient(patientNumber(1))
  await signFromDevice(open, handle, 1)
  await open.vault.signIn(staff.it, PIN)
  return { open, vault: open.vault, staff, handle, folder }
}

async function again(open: OpenVault): Promise<OpenVault> {
  await open.vault.close()
  return startVault(open.folder)
}

/** Everything that has to go on after a change of keys. */
async function goesOn(open: OpenVault, { nurse, it: admin }: { nurse: string; it: string }, handle: string, n: number) {
  expect(stateOf(open).state).toBe('ready')
  await open.vault.signIn(nurse, PIN)
  const before = (await open.vault.chart(handle, 1)).readings.length
  await signManual(open, handle, [weight(`7${n}.5`)])
  const { readings } = await open.vault.chart(handle, 1)
  expect(readings).toHaveLength(before + 1)
  expect(readings.every(({ status }) => status === 'verified')).toBe(true)
  await open.vault.signIn(admin, PIN)
}

async function findings({ vault, events }: OpenVault, run: number) {
  await vault.verifyAll(run)
  return events.flatMap((event) =>
    event.kind === 'verify-all' && event.run === run && event.event.kind === 'finding' ? [event.event] : [],
  )
}

it('shows roster and contract to everybody who sees the ledger, the actions to IT alone', async () => {
  const { vault, staff } = await atWork()
  const { roster, contract, proposal, mayPublish, mayPropose } = await vault.governance()
  expect(roster).toMatchObject({ version: 1, index: 0, policyMode: 'solo', quorum: 1, frozen: [] })
  expect(roster.sites).toMatchObject([{ isOwn: true, nodes: [{ isOwn: true, isCoordinator: true }] }])
  expect(contract).toMatchObject({ version: 1, index: 1, text: DEFAULT })
  expect(contract.rules.map(({ id }) => id)).toContain('sign-readings')
  expect([proposal, mayPublish, mayPropose]).toEqual([null, true, true])
  await vault.signIn(staff.nurse, PIN)
  expect(await vault.governance()).toMatchObject({ mayPublish: false, mayPropose: false })
  for (const act of [
    () => vault.publishContract(`${DEFAULT}\n`),
    () => vault.proposeRoster({ kind: 'log-key' }),
    () => vault.importProposal('chartseal/roster-proposal/v1\n'),
    () => vault.approveProposal(),
    () => vault.discardProposal(),
    () => vault.proposalFile(),
  ])
    expect(await codeOf(act)).toBe('NOT_ALLOWED')
})

const NO_WEIGHT_BY_NURSES = DEFAULT.replace(
  '[Practitioner::"physician", Practitioner::"nurse"].contains(principal) };\n\n@id("reading-by-its-device")',
  'principal == Practitioner::"physician" };\n\n@id("reading-by-its-device")',
)

it('publishes a contract that holds from the next entry on, and leaves older entries judged by the one before', async () => {
  const { open, vault, staff, handle } = await atWork()
  expect(await vault.checkContract(NO_WEIGHT_BY_NURSES)).toMatchObject({
    version: 2,
    added: [],
    removed: [],
    changed: ['sign-readings'],
  })
  const { contract } = await vault.publishContract(NO_WEIGHT_BY_NURSES)
  expect(contract).toMatchObject({ version: 2, text: NO_WEIGHT_BY_NURSES })
  expect(contract.history.map(({ version }) => version)).toEqual([1, 2])
  const next = await again(open)
  await next.vault.signIn(staff.nurse, PIN)
  expect((await next.vault.chart(handle, 1)).readings.map(({ status }) => status)).toEqual(['verified', 'verified'])
  expect(await codeOf(() => signManual(next, handle, [weight('70.5')]))).toBe('NOT_ALLOWED')
  await next.vault.signIn(staff.it, PIN)
  expect(await findings(next, 1)).toEqual([])
  expect((await next.vault.governance()).contract.version).toBe(2)
})

it.each([
  ['no contract at all', 'permit everything'],
  ['the contract in force', DEFAULT],
  [
    'one that nobody could replace',
    DEFAULT.replaceAll('Action::"administer.contract"', 'Action::"administer.network"'),
  ],
])('refuses %s', async (_, text) => {
  const { vault } = await atWork()
  expect(await codeOf(() => vault.checkContract(text))).toBe('BAD_CONTRACT')
  expect(await codeOf(() => vault.publishContract(text))).toBe('BAD_CONTRACT')
  expect((await vault.governance()).contract.version).toBe(1)
})

it.each(['log-key', 'mirror-key', 'governance-key'] as const)(
  'changes the %s, twice, and everything goes on',
  async (kind) => {
    const { open, staff, handle } = await atWork()
    const keys = new Set<string>()
    let now = open
    for (const n of [1, 2]) {
      const { roster, proposal } = await now.vault.proposeRoster({ kind })
      expect([roster.version, proposal]).toEqual([n + 1, null])
      const [site] = roster.sites
      const key = {
        'log-key': site?.nodes[0]?.logKey,
        'mirror-key': site?.mirrorKey,
        'governance-key': site?.governanceKey,
      }
      keys.add(key[kind] ?? '')
      await goesOn(now, staff, handle, n)
      await now.vault.enrolPractitioner({ name: `New ${n}`, role: 'nurse', pin: PIN })
      expect(await findings(now, n)).toEqual([])
      now = await again(now)
      await now.vault.signIn(staff.it, PIN)
      await goesOn(now, staff, handle, n + 2)
      expect(await findings(now, n + 10)).toEqual([])
    }
    expect(keys.size).toBe(2)
    const { size, final } = await now.vault.ledgerSummary()
    await now.vault.close()
    const closed = await startVault(now.folder)
    await closed.vault.signIn(staff.it, PIN)
    expect((await closed.vault.ledgerSummary()).final).toBeGreaterThanOrEqual(Math.min(size, final))
  },
)

it('gives receipts that hold, for entries before and after a change of the log key', async () => {
  const { open, vault, staff, handle } = await atWork()
  const { size } = await vault.ledgerSummary()
  await vault.proposeRoster({ kind: 'log-key' })
  await goesOn(open, staff, handle, 1)
  await vault.proposeRoster({ kind: 'mirror-key' })
  await goesOn(open, staff, handle, 2)
  const next = await again(open)
  await next.vault.signIn(staff.it, PIN)
  const { network, size: now } = await next.vault.ledgerSummary()
  for (const index of [2, size, size + 1, now - 2]) {
    const { text } = await next.vault.receipt(null, index)
    const verdict = verifyReceipt(nobleHasher, verifier, readReceipt(text), { network: fromHex(network), policy: null })
    expect(verdict).toMatchObject({ ok: true })
  }
})

it.each(['log-key', 'mirror-key', 'governance-key'] as const)(
  'continues a change of the %s that a power cut ended, wherever it did',
  async (kind) => {
    const { vault, staff, handle, folder } = await atWork()
    const seen = new Set<number>()
    for (let writes = 0; ; writes++) {
      // Each try starts from the same files: the clinic itself is never changed.
      const trial = await startVault(copyOf(folder))
      await trial.vault.signIn(staff.it, PIN)
      power.writes = writes
      const done = await trial.vault.proposeRoster({ kind }).catch(() => null)
      const frozen = copyOf(trial.folder)
      power.writes = null
      const next = await startVault(frozen)
      expect(stateOf(next)).toMatchObject({ state: 'ready', problem: null })
      await next.vault.signIn(staff.it, PIN)
      const { roster, proposal } = await next.vault.governance()
      seen.add(roster.version)
      // Approved is recorded; a proposal that nobody approved yet is gone or waits, and can be approved.
      if (roster.version === 2) expect(proposal).toBeNull()
      else if (proposal !== null) expect((await next.vault.approveProposal()).roster.version).toBe(2)
      else expect((await next.vault.proposeRoster({ kind })).roster.version).toBe(2)
      await goesOn(next, staff, handle, 1)
      expect(await findings(next, 1)).toEqual([])
      await next.vault.close()
      if (done !== null) break
    }
    expect(seen).toEqual(new Set([1, 2]))
    await vault.close()
  },
  60_000,
)
