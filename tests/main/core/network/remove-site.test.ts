import { expect, it } from 'vitest'
import { codeOf, type OpenVault, PIN } from '../../../faults/support/clinic.ts'
import { clinicOf, granted, holder, weigh, weightsIn } from '../../../support/consent-world.ts'
import { originOf } from '../../../../src/ledger/names.ts'
import { addApproval, encodeProposal } from '../../../../src/ledger/roster-proposal.ts'
import { encodeRoster, type FrozenLog } from '../../../../src/ledger/roster.ts'
import type { Governance } from '../../../../src/main/core/vault/governance.ts'
import { followingRoster } from '../../../../src/main/core/vault/next-rosters.ts'
import { governanceSignerOf } from '../../../../src/main/core/vault/role-keys.ts'
import { keyPairFromSeed } from '../../../../src/main/keystore/sodium.ts'
import { instantText } from '../../../../src/clinical/instant.ts'
import { isAllFinal, joinedTo, networkedClinic, third, until } from '../../../support/two-clinics.ts'
import { insideOf } from '../../../support/inside.ts'

const day = (fromNow: number) => instantText(Date.now() + fromNow * 86_400_000, 0).slice(0, 10)

it('goes on without a clinic: its log ends at what was final, and nothing more of it is taken', async () => {
  const a = await networkedClinic()
  const b = await joinedTo(a)
  const c = await third(a, b)
  const site = (open: OpenVault) => clinicOf(open).identity.site
  const gone = site(c)
  const { origin } = clinicOf(c).identity
  await until('everything is final', async () => (await isAllFinal(a, 3)) && (await isAllFinal(b, 3)))
  expect(await codeOf(() => a.vault.proposeRoster({ kind: 'remove-site', site: site(a) }))).toBe('BAD_PROPOSAL')
  expect(await codeOf(() => a.vault.proposeRoster({ kind: 'remove-site', site: 'no.example/site' }))).toBe(
    'BAD_PROPOSAL',
  )
  const { proposal } = await a.vault.proposeRoster({ kind: 'remove-site', site: gone })
  const known = (await a.vault.networkStatus()).logs.find((log) => log.origin === origin)
  expect(proposal).toMatchObject({
    change: { kind: 'site-removed', site: gone, frozen: [{ origin, size: known?.final }] },
    ...{ isApproved: true, votesMissing: 1 },
  })
  for (const open of [b, c])
    await until('the others are asked', async () => (await open.vault.governance()).proposal?.change.site === gone)
  await b.vault.approveProposal()
  for (const open of [a, b])
    await until('it is in force', async () => {
      const { roster } = await open.vault.governance()
      return roster.sites.length === 2 && roster.frozen.length === 1
    })
  await until('the others hung up', async () => (await c.vault.networkStatus()).quorum.reachable === 1)
  const end = known?.final ?? 0
  await c.vault.enrolPractitioner({ name: 'Paul Physician', role: 'physician', pin: PIN })
  expect(clinicOf(c).replica.head.size).toBeGreaterThan(end)
  // What is recorded among those who stay is final without it.
  const patient = await holder(a, 1)
  await granted(a, patient, { sites: [site(a), site(b)].sort(), from: day(-1), until: day(100) })
  await weigh(a, patient, '70.1')
  const physician = await b.vault.enrolPractitioner({ name: 'Petra Physician', role: 'physician', pin: PIN })
  await b.vault.signIn(physician.handle, PIN)
  await until('it arrives', async () => {
    const [row] = await b.vault.searchPatients('')
    return row?.status === 'verified' && weightsIn(await b.vault.chart(patient.handle, 1)).join() === '70.1'
  })
  await a.vault.signIn(a.team.it, PIN)
  const ended = async () => (await a.vault.networkStatus()).logs.find((log) => log.origin === origin)
  expect(await ended()).toMatchObject({ verified: end, state: 'frozen' })
}, 120_000)

it('is refused by whoever knows more that is final', async () => {
  const a = await networkedClinic()
  const b = await joinedTo(a)
  const c = await third(a, b)
  const gone = clinicOf(c).identity.site
  await until('everything is final', async () => (await isAllFinal(a, 3)) && (await isAllFinal(b, 3)))
  // What a site would propose that knew less, or wants less to be known.
  const { governance } = (
    a.vault as unknown as { ready(): { governance: { endsOf: (site: unknown) => { size: number }[] } } }
  ).ready()
  const endsOf = governance.endsOf.bind(governance)
  governance.endsOf = (site) => endsOf(site).map((end) => ({ ...end, size: end.size - 1 }))
  await a.vault.proposeRoster({ kind: 'remove-site', site: gone })
  await until('the other is asked', async () => (await b.vault.governance()).proposal?.change.site === gone)
  expect(await codeOf(() => b.vault.approveProposal())).toBe('BAD_PROPOSAL')
}, 120_000)

it('is refused as well for one machine of a clinic, and where the end is one of an earlier log', async () => {
  const a = await networkedClinic()
  const b = await joinedTo(a)
  await b.vault.signIn(b.it, PIN)
  const { log, origin, site } = clinicOf(b).identity
  // A second machine of the other clinic, which never comes: nothing of its log is known, and its end may be any.
  const governing = (open: OpenVault) => insideOf<{ governance: Governance }>(open.vault).governance
  const [spare, other] = [`${site}/node-spare`, keyPairFromSeed(new Uint8Array(32).fill(7)).publicKey]
  const transportKey = keyPairFromSeed(new Uint8Array(32).fill(8)).publicKey
  const added = governing(b).rosterWithNode({ log: spare, logKey: other, transportKey })
  await governing(b).admit(added ?? new Uint8Array(), null)
  await until('the other is asked', async () => (await a.vault.governance()).proposal !== null)
  await a.vault.approveProposal()
  await until('it is listed', async () => (await b.vault.governance()).roster.version === 3)
  const { rosters } = clinicOf(b).replica.directory
  const [inForce] = rosters.slice(-1)
  if (inForce === undefined) throw new Error('a clinic has a roster')
  /** What the other clinic signs so as to be rid of what one of its machines recorded. */
  const without = (gone: string, frozen: FrozenLog): string => {
    const next = followingRoster(inForce)
    const sites = next.sites.map((one) => ({ ...one, nodes: one.nodes.filter((node) => node.log !== gone) }))
    const document = encodeRoster({ ...next, sites, frozen: [frozen], coordinator: a.clinic().identity.log })
    const { network } = clinicOf(b).identity
    const signer = governanceSignerOf(clinicOf(b))
    const file = { network, document, approvals: [] }
    return encodeProposal(addApproval(file, signer.publicKey, (message) => signer.sign(message)))
  }
  const root = new Uint8Array(32)
  const final = async () => (await a.vault.networkStatus()).logs.find((one) => one.origin === origin)?.final ?? 0
  await until('something of it is final', async () => (await final()) > 1)
  await governing(a).hear(without(log, { origin, size: 1, root }))
  expect((await a.vault.governance()).proposal?.change).toMatchObject({ kind: 'site-changed', site })
  expect(await codeOf(() => a.vault.approveProposal())).toBe('BAD_PROPOSAL')
  expect(await codeOf(() => a.vault.proposeRoster({ kind: 'ceremony' }))).toBe('BAD_PROPOSAL')
  await a.vault.discardProposal()
  // It went on in a second log, of which something is final: an end in the first one would drop all of it.
  const endsOf = governing(a).endsOf
  governing(a).endsOf = (one) => endsOf(one).map((end) => ({ ...end, origin: originOf(log, 2), size: 3 }))
  // By hand: of a site whose proposal was put away, none is heard for the same round.
  await a.vault.importProposal(without(log, { origin, size: await final(), root }))
  expect(await codeOf(() => a.vault.approveProposal())).toBe('BAD_PROPOSAL')
}, 120_000)
