/** Two clinics that share one patient: what tests of disclosure and of the sync store start from. */
import { instantText } from '../../src/clinical/instant.ts'
import { Disclosures } from '../../src/main/core/vault/disclosures.ts'
import type { SharingKeyPair } from '../../src/main/core/epoch-keys.ts'
import { NetworkLogs } from '../../src/main/core/vault/network-logs.ts'
import type { PeerIdentity } from '../../src/sync/ports.ts'
import { clinicOf, granted, holder, type Holder, weigh, weightsIn, type World } from './consent-world.ts'
import type { OpenVault } from '../faults/support/clinic.ts'
import { PIN } from '../faults/support/clinic.ts'
import { isAllFinal, joinedTo, networkedClinic, until } from './two-clinics.ts'

/** One of the two. */
export interface SharingSite {
  readonly open: OpenVault
  readonly site: string
  readonly origin: string
  readonly log: string
  readonly pair: SharingKeyPair
  /** As others see a node of it. */
  readonly peer: PeerIdentity
}

const day = (fromNow: number) => instantText(Date.now() + fromNow * 86_400_000, 0).slice(0, 10)

function siteOf(open: OpenVault): SharingSite {
  const { identity, ring } = clinicOf(open)
  const { site, origin, log } = identity
  return { ...{ open, site, origin, log, pair: ring.now }, peer: { kind: 'node', site, log } }
}

/** The parts behind a clinic's network, apart from those that run. */
export function partsOf({ open }: SharingSite) {
  const clinic = clinicOf(open)
  const logs = new NetworkLogs(clinic)
  for (const log of logs.mirrored) log.prepare(100_000)
  return { clinic, logs, disclosures: new Disclosures(clinic, logs) }
}

/** What {@link sharedRecords} gives. */
export interface SharedRecords {
  readonly a: SharingSite & { readonly world: World }
  readonly b: SharingSite
  readonly shared: Holder
  readonly kept: Holder
  readonly consentId: string
}

/** `shared` is a patient of `a` who lets `b` see everything, `kept` one who said nothing. Everything has arrived. */
export async function sharedRecords(): Promise<SharedRecords> {
  const world = await networkedClinic()
  const b = await joinedTo(world)
  const sites = [siteOf(world).site, siteOf(b).site].sort()
  const kept = await holder(world, 2)
  await weigh(world, kept, '60.1')
  const shared = await holder(world, 1)
  const { consentId } = await granted(world, shared, { sites, from: day(-1), until: day(100) })
  await weigh(world, shared, '70.1')
  const physician = await b.vault.enrolPractitioner({ name: 'Petra Physician', role: 'physician', pin: PIN })
  await b.vault.signIn(physician.handle, PIN)
  await until('what is shared arrives', async () => {
    const [row] = await b.vault.searchPatients('')
    return row?.status === 'verified' && weightsIn(await b.vault.chart(shared.handle, 1)).join() === '70.1'
  })
  await world.vault.signIn(world.team.it, PIN)
  await until('everything is final', async () => isAllFinal(world, 2))
  return { a: { ...siteOf(world), world }, b: siteOf(b), shared, kept, consentId }
}
