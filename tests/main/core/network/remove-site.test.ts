import { expect, it } from 'vitest'
import { codeOf, type OpenVault, PIN } from '../../../faults/support/clinic.ts'
import { clinicOf, granted, holder, weigh, weightsIn } from '../../../support/consent-world.ts'
import { instantText } from '../../../../src/clinical/instant.ts'
import { isAllFinal, joinedTo, networkedClinic, third, until } from '../../../support/two-clinics.ts'

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
  expect(await codeOf(() => b.vault.approveProposal())).toBe('BAD_PROPOSAL')}, 120_000)
