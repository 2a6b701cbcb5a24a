import { copyFileSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, expect, it, vi } from 'vitest'
import { resourceFile } from '../../../../src/main/core/resource-file.ts'
import { CONTRACT_LANGUAGE } from '../../../../src/ledger/contract.ts'
import { rosterAt } from '../../../../src/ledger/directory.ts'
import { contractMessage, rosterMessage } from '../../../../src/ledger/governance.ts'
import { nobleHasher } from '../../../../src/ledger/hash.ts'
import { readReceipt, verifyReceipt } from '../../../../src/ledger/verify-receipt.ts'
import { COSIGNATURE_V1 } from '../../../../src/ledger/vkey.ts'
import { type PolicySite, quorumPolicy } from '../../../../src/ledger/policy.ts'
import { addApproval, decodeProposal, encodeProposal } from '../../../../src/ledger/roster-proposal.ts'
import {
  decodeRoster,
  encodeRoster,
  mirrorNameOf,
  rosterHash,
  type Roster,
  type RosterSite,
} from '../../../../src/ledger/roster.ts'
import { exportLog } from '../../../../src/main/core/audit/export-log.ts'
import { auditReplicaFile } from '../../../../src/main/core/audit/index.ts'
import { generateSharingKeyPair } from '../../../../src/main/core/epoch-keys.ts'
import { keyPairFromSeed, sign, verifier } from '../../../../src/main/keystore/sodium.ts'
import { governedDocuments } from '../../../../src/main/core/governed-documents.ts'
import type { Governance } from '../../../../src/main/core/vault/governance.ts'
import { followingRoster, withGovernanceKey } from '../../../../src/main/core/vault/next-rosters.ts'
import { governanceSignerOf } from '../../../../src/main/core/vault/role-keys.ts'
import { openReadOnly } from '../../../../src/main/store/open-read-only.ts'
import { decodeEntry } from '../../../../src/ledger/entry.ts'
import { decodeRosterFields } from '../../../../src/ledger/fields.ts'
import { fromHex, toHex } from '../../../../src/shared/bytes.ts'
import {
  codeOf,
  copyOf,
  databaseOf,
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
import { clinicOf } from '../../../support/consent-world.ts'
import { insideOf } from '../../../support/inside.ts'

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
  ['one that hides the page it is replaced on', DEFAULT.replaceAll('View::"ledger"', 'View::"devices"')],
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

it.each(['log-key', 'mirror-key', 'governance-key', 'sharing-key'] as const)(
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
        'sharing-key': site?.sharingKey,
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

it.each(['log-key', 'mirror-key', 'governance-key', 'sharing-key'] as const)(
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

/** Another site, held by the test. */
async function otherSite(n: number) {
  const seed = (role: number) => new Uint8Array(32).fill(16 * n + role)
  const [sharing, recovery] = [await generateSharingKeyPair(), await generateSharingKeyPair()]
  const id = `test.local/site-${n}`
  const keyOf = (role: number) => keyPairFromSeed(seed(role)).publicKey
  const site: RosterSite = {
    id,
    governanceKey: keyOf(1),
    mirrorKey: keyOf(2),
    sharingKey: sharing.publicKey,
    recoveryKey: recovery.publicKey,
    nodes: [{ log: `${id}/node-1`, logKey: keyOf(3), transportKey: keyOf(4) }],
    witnesses: [],
  }
  /** The file with this site's approval. */
  const approve = (text: string): string =>
    encodeProposal(addApproval(decodeProposal(text), site.governanceKey, (message) => sign(seed(1), message)))
  const signer = { publicKey: site.governanceKey, sign: (message: Uint8Array) => sign(seed(1), message) }
  return { site, approve, signer }
}

/** The roster of entry `index`, read from the database as a stranger would. */
function rosterOf(folder: string, index: number): Roster {
  const file = openReadOnly(`${folder}/clinic/ledger.db`)
  const { reader } = file
  try {
    const [log] = reader.logs()
    const bytes = reader.entry(log?.origin ?? '', index)
    if (bytes === null) throw new Error('no such entry')
    return decodeRoster(decodeRosterFields(decodeEntry(bytes).body.fields).document)
  } finally {
    file.close()
  }
}

/** With one site more, as that site would propose it. */
function joined(roster: Roster, site: RosterSite): Roster {
  const sites = [...roster.sites, site].sort((a, b) => (a.id < b.id ? -1 : 1))
  const names = sites.map(({ id, mirrorKey }, i): PolicySite => ({
    name: `site-${i + 1}`,
    key: { name: mirrorNameOf(id), type: COSIGNATURE_V1, publicKey: mirrorKey },
  }))
  const previous = rosterHash(nobleHasher, roster)
  return { ...roster, version: roster.version + 1, previous, sites, policy: quorumPolicy(names) }
}

/** A clinic that a second site was let into. */
async function ofTwo() {
  const { open, vault, staff, handle, folder } = await atWork()
  const network = fromHex((await vault.ledgerSummary()).network)
  const other = await otherSite(2)
  const document = encodeRoster(joined(rosterOf(folder, 0), other.site))
  const text = other.approve(encodeProposal({ network, document, approvals: [] }))
  const { proposal } = await vault.importProposal(text)
  expect(proposal).toMatchObject({ version: 2, votesMissing: 1, missingKeys: [], isApproved: false, mayApprove: true })
  expect(proposal?.change).toMatchObject({ kind: 'site-added', site: other.site.id })
  const { roster } = await vault.approveProposal()
  expect([roster.version, roster.quorum, roster.sites.length]).toEqual([2, 2, 2])
  return { open, vault, staff, handle, folder, network, other }
}

it('lets a site in that brings a proposal, and decides with it from then on', async () => {
  const { open, vault, staff, handle, other } = await ofTwo()
  await goesOn(open, staff, handle, 1)
  const { contract, contractProposals } = await vault.publishContract(`${DEFAULT}\n// words\n`)
  expect(contract.version).toBe(1)
  expect(contractProposals).toMatchObject([{ version: 2, votesMissing: 1, isApproved: true, changed: [] }])
  expect(await codeOf(() => vault.publishContract(`${DEFAULT}\n// others\n`))).toBe('RIVAL_PROPOSAL')
  const asked = await vault.proposeRoster({ kind: 'policy', policy: 'crash-only' })
  expect(asked.roster.version).toBe(2)
  expect(asked.proposal).toMatchObject({ version: 3, votesMissing: 1, isApproved: true })
  expect(asked.proposal?.change).toMatchObject({ kind: 'policy-changed', after: expect.stringContaining('crash-only') })
  const next = await again(open)
  await next.vault.signIn(staff.it, PIN)
  const { text } = await next.vault.proposalFile()
  const { roster, proposal } = await next.vault.importProposal(other.approve(text))
  expect([roster.version, roster.policyMode, proposal]).toEqual([3, 'crash-only', null])
  await goesOn(next, staff, handle, 2)
  expect(await findings(next, 1)).toEqual([])
})

it('approves no rival of what it approved, not after it was put away, and not after a start', async () => {
  const { open, vault, staff, folder, network, other } = await ofTwo()
  const { proposal } = await vault.proposeRoster({ kind: 'log-key' })
  expect(proposal).toMatchObject({ version: 3, isApproved: true, votesMissing: 1 })
  expect(await codeOf(() => vault.proposeRoster({ kind: 'mirror-key' }))).toBe('RIVAL_PROPOSAL')
  const { text } = await vault.proposalFile()
  const third = await otherSite(3)
  const { size } = await vault.ledgerSummary()
  const inForce = rosterOf(folder, size - 2)
  const rival = third.approve(
    encodeProposal({ network, document: encodeRoster(joined(inForce, third.site)), approvals: [] }),
  )
  expect(await codeOf(() => vault.importProposal(rival))).toBe('RIVAL_PROPOSAL')
  await vault.discardProposal()
  expect(await codeOf(() => vault.proposeRoster({ kind: 'mirror-key' }))).toBe('RIVAL_PROPOSAL')
  const next = await again(open)
  await next.vault.signIn(staff.it, PIN)
  expect((await next.vault.importProposal(rival)).proposal).toMatchObject({ mayApprove: false, isApproved: false })
  expect(await codeOf(() => next.vault.approveProposal())).toBe('RIVAL_PROPOSAL')
  // What it did approve can still be finished: the new key was kept.
  const { roster } = await next.vault.importProposal(other.approve(text))
  expect(roster.version).toBe(3)
})

it('proposes something else after it put away what it approved: as a ceremony that says so, also after a start', async () => {
  const { open, vault, staff, folder, network, other } = await ofTwo()
  const first = await vault.proposeRoster({ kind: 'policy', policy: 'crash-only' })
  expect(first.isBound).toBe(false)
  expect((await vault.discardProposal()).isBound).toBe(true)
  const next = await again(open)
  await next.vault.signIn(staff.it, PIN)
  const { proposal, isBound } = await next.vault.proposeRoster({ kind: 'mirror-key' })
  expect(proposal).toMatchObject({ version: 3, attempt: 1, isApproved: true, change: { kind: 'site-changed' } })
  expect(isBound).toBe(false)
  const { text } = await next.vault.proposalFile()
  const { votes } = decodeRoster(decodeProposal(text).document)
  expect(votes).toMatchObject([{ attempt: 0, hash: fromHex(first.proposal?.hash ?? '') }])
  expect((await next.vault.importProposal(other.approve(text))).roster.version).toBe(3)
  await next.vault.close()
  expect(audited(folder, toHex(network))).toEqual([])
})

it.each(['sharingKey', 'recoveryKey'] as const)(
  'approves no %s for itself that somebody else put into a roster',
  async (key) => {
    const { open, vault, network, other } = await ofTwo()
    const { governance } = insideOf<{ governance: Governance }>(vault)
    const { replica, identity } = clinicOf(open)
    const current = rosterAt(replica.directory, replica.head.size)
    if (current === null) throw new Error('a roster is in force')
    const { publicKey } = await generateSharingKeyPair()
    const next = followingRoster(current)
    const sites = next.sites.map((one) => (one.id === identity.site ? { ...one, [key]: publicKey } : one))
    const document = encodeRoster({ ...next, sites })
    await governance.hear(other.approve(encodeProposal({ network, document, approvals: [] })))
    expect((await vault.governance()).proposal).toMatchObject({ isApproved: false, mayApprove: true })
    expect(await codeOf(() => vault.approveProposal())).toBe('BAD_PROPOSAL')
    expect((await vault.governance()).proposal).toMatchObject({ isApproved: false })
    // Whoever governs here may still put it away and propose one that is here.
    await vault.discardProposal()
    await vault.proposeRoster({ kind: 'sharing-key' })
    expect((await vault.governance()).proposal).toMatchObject({ isApproved: true })
    await vault.close()
  },
)

it('puts away a guest that is not invited any more, and takes nobody in under the same name by itself', async () => {
  const { open, vault, network } = await ofTwo()
  const { governance } = insideOf<{ governance: Governance }>(vault)
  const third = await otherSite(3)
  const document = governance.rosterWith(third.site)
  const approved = decodeProposal(
    third.approve(encodeProposal({ network, document: document ?? new Uint8Array(), approvals: [] })),
  )
  await governance.admit(approved.document, approved.approvals[0] ?? null)
  expect((await vault.governance()).proposal).toMatchObject({ isApproved: true, votesMissing: 1 })
  const texts = governance.texts()
  await governance.dropGuest('test.local/site-4')
  expect((await vault.governance()).proposal).not.toBeNull()
  await governance.dropGuest(third.site.id)
  expect(await vault.governance()).toMatchObject({ proposal: null, isBound: true })
  expect(governance.texts()).toEqual([])
  expect(governance.rosterWith(third.site)).toBeNull()
  const fourth = await otherSite(4)
  expect(decodeRoster(governance.rosterWith(fourth.site) ?? new Uint8Array())).toMatchObject({ version: 3, attempt: 1 })
  // Others that heard of it may say it as often as they like.
  for (const text of texts) await governance.hear(text)
  expect((await vault.governance()).proposal).toBeNull()
  await open.vault.close()
})

it('takes a contract before the roster without whose keys it was approved, whatever comes first', async () => {
  const { open, vault, other } = await ofTwo()
  const clinic = clinicOf(open)
  const { network } = clinic.identity
  const { governance } = insideOf<{ governance: Governance }>(vault)
  const own = governanceSignerOf(clinic)
  const renewed = keyPairFromSeed(new Uint8Array(32).fill(77)).publicKey
  const inForce = rosterAt(clinic.replica.directory, clinic.replica.head.size)
  if (inForce === null) throw new Error('a clinic has a roster')
  const document = encodeRoster(withGovernanceKey(followingRoster(inForce), other.site.id, renewed))
  const signed = [
    own,
    other.signer,
    { publicKey: renewed, sign: (m: Uint8Array) => sign(new Uint8Array(32).fill(77), m) },
  ]
  const approvals = (message: Uint8Array, by: readonly Pick<typeof own, 'publicKey' | 'sign'>[]) =>
    by.map((signer) => ({ publicKey: signer.publicKey, signature: signer.sign(message) }))
  const roster = { document, approvals: approvals(rosterMessage(network, document), signed) }
  const contract = {
    version: 2,
    language: CONTRACT_LANGUAGE,
    document: new TextEncoder().encode(`${DEFAULT}\n// two\n`),
  }
  const published = { ...contract, approvals: approvals(contractMessage(network, contract), [own, other.signer]) }
  expect(await governance.adopt([roster], [published])).toBe(true)
  expect(await vault.governance()).toMatchObject({ roster: { version: 3 }, contract: { version: 2 } })
  expect(governedDocuments(clinic.replica.directory).map(({ type, version }) => `${type} ${version}`)).toEqual([
    ...['roster 1', 'contract 1', 'roster 2', 'contract 2', 'roster 3'],
  ])
})

it('repeats in a ceremony what a lost site keeps from being decided', async () => {
  const { vault, other } = await ofTwo()
  expect(await codeOf(() => vault.proposeRoster({ kind: 'ceremony' }))).toBe('NO_PROPOSAL')
  const first = await vault.proposeRoster({ kind: 'governance-key' })
  const { proposal } = await vault.proposeRoster({ kind: 'ceremony' })
  expect(proposal).toMatchObject({ version: 3, attempt: 1, hash: first.proposal?.hash, isApproved: true })
  const { text, fileName } = await vault.proposalFile()
  expect(fileName).toBe('roster-3-ceremony-1.roster')
  const { roster } = await vault.importProposal(other.approve(text))
  expect(roster.version).toBe(3)
})

it.each([
  ['no proposal', 'hello'],
  ['a proposal of nothing', 'chartseal/roster-proposal/v1\n'],
])('refuses %s', async (_, text) => {
  const { vault } = await atWork()
  expect(await codeOf(() => vault.importProposal(text))).toBe('BAD_PROPOSAL')
})

/** What an audit of the database alone finds. */
function audited(folder: string, network: string): string[] {
  const found: string[] = []
  auditReplicaFile(databaseOf(folder), fromHex(network), ({ log, index, step, code, detail }) => {
    found.push(`${log ?? ''} ${String(index)} ${step} ${code} ${detail}`)
  })
  return found
}

/** A closed clinic whose every key was changed, and its database from before. */
async function rotated() {
  const { open, vault, staff, handle, folder } = await atWork()
  await vault.close()
  const before = join(temporaryFolder(), 'before.db')
  copyFileSync(databaseOf(folder), before)
  const again = await startVault(folder)
  await again.vault.signIn(staff.it, PIN)
  for (const kind of ['log-key', 'mirror-key', 'governance-key', 'log-key'] as const)
    await again.vault.proposeRoster({ kind })
  await goesOn(again, staff, handle, 1)
  const { network, size, final, origin } = await again.vault.ledgerSummary()
  await again.vault.close()
  return { open, staff, handle, folder, before, network, size, final, origin }
}

function putDatabase(folder: string, copy: string): void {
  for (const suffix of ['-wal', '-shm']) rmSync(databaseOf(folder) + suffix, { force: true })
  copyFileSync(copy, databaseOf(folder))
}

it('leaves a database that an audit finds nothing wrong with, and a log that can be exported', async () => {
  const { folder, network, origin, size } = await rotated()
  expect(audited(folder, network)).toEqual([])
  const file = openReadOnly(databaseOf(folder))
  try {
    expect(exportLog(file, origin, join(temporaryFolder(), 'log')).size).toBe(size)
  } finally {
    file.close()
  }
})

it('checks and repairs, and cosigns what it wrote', async () => {
  const { folder, staff, size } = await rotated()
  const open = await startVault(folder)
  await open.vault.signIn(staff.it, PIN)
  await open.vault.scrub(1, null)
  const done = open.events.findLast((event) => event.kind === 'scrub' && event.event.kind === 'done')
  expect(done).toMatchObject({ event: { isWhole: true, open: 0, repaired: 0, removed: 0 } })
  await expect.poll(async () => (await open.vault.ledgerSummary()).final).toBe(size)
})

it('recovers a database from before the changes: with a newer copy in the same log, without one in the next', async () => {
  const { folder, staff, handle, before, network, origin } = await rotated()
  const newest = join(temporaryFolder(), 'newest.db')
  copyFileSync(databaseOf(folder), newest)
  for (const file of [newest, null]) {
    putDatabase(folder, before)
    const open = await startVault(folder)
    expect(stateOf(open)).toMatchObject({ state: 'recovery-needed', recovery: { reason: 'rolled-back' } })
    await open.vault.recover({ recoveryKey: staff.recoveryKey, file })
    await goesOn(open, staff, handle, 2)
    expect((await open.vault.ledgerSummary()).origin === origin).toBe(file !== null)
    expect((await open.vault.governance()).roster.version).toBe(file === null ? 1 : 5)
    await open.vault.close()
    expect(audited(folder, network)).toEqual([])
    const next = await startVault(folder)
    await next.vault.signIn(staff.it, PIN)
    await goesOn(next, staff, handle, 3)
    await next.vault.close()
  }
})

it('gives a restored workstation a log key of the roster again, though the old one ended with another disk', async () => {
  const { folder, staff, handle, network } = await rotated()
  const open = await startVault(folder)
  await open.vault.signIn(staff.it, PIN)
  const { file } = await open.vault.backUp(null)
  await open.vault.close()
  const other = await startVault(temporaryFolder())
  await other.vault.restoreClinic({ file, recoveryKey: staff.recoveryKey, passphrase: null })
  await other.vault.signIn(staff.it, PIN)
  await goesOn(other, staff, handle, 2)
  expect((await other.vault.proposeRoster({ kind: 'governance-key' })).roster.version).toBe(6)
  expect((await other.vault.proposeRoster({ kind: 'log-key' })).roster.version).toBe(7)
  await goesOn(other, staff, handle, 3)
  await other.vault.close()
  expect(audited(other.folder, network)).toEqual([])
  const next = await startVault(other.folder)
  await next.vault.signIn(staff.it, PIN)
  await goesOn(next, staff, handle, 4)
})
