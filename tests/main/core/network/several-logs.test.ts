import { expect, it } from 'vitest'
import { instantText } from '../../../../src/clinical/instant.ts'
import { ForeignLogs, type SiteContact } from '../../../../src/main/core/vault/foreign-logs.ts'
import type { MirroredLog } from '../../../../src/main/core/vault/mirrored-log.ts'
import { NetworkLogs } from '../../../../src/main/core/vault/network-logs.ts'
import { type OpenVault, PIN } from '../../../faults/support/clinic.ts'
import { clinicOf, granted, holder, weigh } from '../../../support/consent-world.ts'
import { joinedTo, networkedClinic, third, until } from '../../../support/two-clinics.ts'

const DAY_MS = 86_400_000
const day = (fromNow: number) => instantText(Date.now() + fromNow * DAY_MS, 0).slice(0, 10)

async function asPhysician({ vault }: OpenVault): Promise<void> {
  const { handle } = await vault.enrolPractitioner({ name: 'Petra Physician', role: 'physician', pin: PIN })
  await vault.signIn(handle, PIN)
}

/** What others share, read at a node in an order of its logs. */
function readAt(open: OpenVault, contact: () => SiteContact, order: (logs: MirroredLog[]) => MirroredLog[]) {
  const clinic = clinicOf(open)
  class Ordered extends NetworkLogs {
    override get mirrored() {
      return order([...super.mirrored])
    }
  }
  return new ForeignLogs(clinic, new Ordered(clinic), contact)
}

it('asks the log that a patient is registered in, whoever else names them; a clock put back makes nothing fresh', async () => {
  const a = await networkedClinic()
  const b = await joinedTo(a)
  const c = await third(a, b)
  const site = [a, b, c].map((open) => clinicOf(open).identity.site)
  await asPhysician(b)
  await asPhysician(c)
  const patient = await holder(a, 1)
  await granted(a, patient, { sites: site.toSorted(), from: day(-1), until: day(100) })
  await weigh(a, patient, '70.1')
  for (const open of [b, c])
    await until('the record arrives', async () => (await open.vault.searchPatients('')).length === 1)
  await c.vault.chart(patient.handle, 1)
  const lookedAt = clinicOf(c).replica.live.head.size
  await until('the look of the third is known at the second', async () => {
    const { logs } = await b.vault.networkStatus()
    return logs.some(({ site: of, verified }) => of === site[2] && verified >= lookedAt)
  })
  const now = () => ({ isConnected: true, heardMs: Date.now() })
  const own = site[0]
  const isOwner = ({ log }: MirroredLog) => log.startsWith(`${own}/`)
  for (const last of [true, false]) {
    const shares = readAt(b, now, (logs) => logs.toSorted((x) => (isOwner(x) === last ? 1 : -1)))
    expect(shares.patient(patient.handle)?.site).toBe(own)
    const gate = await shares.patient(patient.handle)?.sources.gate?.gate(patient.handle)
    expect(gate?.circumstances('vital-signs', Date.now()).consent).toBe(true)
    expect((await shares.standing(patient.handle)).state).toBe('covers')
  }
  // Heard tomorrow: the clock of this node was ahead then, and nobody knows how long ago that was.
  const tomorrow = () => ({ isConnected: false, heardMs: Date.now() + DAY_MS })
  const shares = readAt(b, tomorrow, (logs) => logs)
  expect(shares.patient(patient.handle)?.site).toBe(own)
  expect((await shares.standing(patient.handle)).state).toBe('unknown')
}, 180_000)
