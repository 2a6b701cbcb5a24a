/** Two workstations of one clinic over real sockets, each with a patient of its own. */
import { instantText } from '../../src/clinical/instant.ts'
import { codeOf, type OpenVault, PIN, temporaryFolder } from '../faults/support/clinic.ts'
import { clinicOf, type Holder, holder, weigh, weightsIn, type World } from './consent-world.ts'
import { networkedClinic, until, workstationOf } from './two-clinics.ts'

/** What tests of two workstations start from; the nurse is signed in at both. */
export interface TwoWorkstations {
  readonly a: World & { readonly port: number }
  readonly b: World
  /** Registered at `a`, with one weight. */
  readonly patient: Holder
  readonly folder: string
  /** Whether a chart shows these weights, joined by commas, oldest log first. */
  readonly shows: (open: OpenVault, weights: string) => Promise<boolean>
}

/** A day some days from now, `YYYY-MM-DD`. */
export const day = (fromNow: number) => instantText(Date.now() + fromNow * 86_400_000, 0).slice(0, 10)

/** Two workstations of one clinic. */
export async function twoWorkstations(): Promise<TwoWorkstations> {
  const a = await networkedClinic()
  const patient = await holder(a, 1)
  await weigh(a, patient, '70.1')
  await a.vault.signIn(a.team.it, PIN)
  const folder = temporaryFolder()
  const open = await workstationOf(a, folder)
  const b: World = { ...open, team: a.team, clock: { nowMs: 0 }, clinic: () => clinicOf(open) }
  await until('the nurse is known there', async () => (await codeOf(() => b.vault.signIn(a.team.nurse, PIN))) === null)
  await a.vault.signIn(a.team.nurse, PIN)
  const shows = async ({ vault }: OpenVault, weights: string) => {
    if ((await codeOf(() => vault.chart(patient.handle, 1))) !== null) return false
    return weightsIn(await vault.chart(patient.handle, 1)).join() === weights
  }
  await until('the chart has come', () => shows(b, '70.1'))
  return { a, b, patient, folder, shows }
}
