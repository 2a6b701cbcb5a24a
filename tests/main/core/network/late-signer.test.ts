import { expect, it } from 'vitest'
import {
  codeOf,
  type OpenVault,
  patientNumber,
  PIN,
  startVault,
  temporaryFolder,
} from '../../../faults/support/clinic.ts'
import { clinicOf, holder, weigh } from '../../../support/consent-world.ts'
import { networkedClinic, until, workstationOf } from '../../../support/two-clinics.ts'

/** What a chart shows of weights, and of each whether whoever signed had been ended by then. */
async function shown({ vault }: OpenVault, handle: string): Promise<(string | boolean)[][]> {
  const { readings } = await vault.chart(handle, 1)
  return readings.map((row) =>
    row.status === 'verified'
      ? [row.record.quantities[0]?.value ?? '', row.position.signerEndedAt !== undefined]
      : [row.step],
  )
}

it('marks at every workstation what somebody signed after their access was ended, where that was not heard', async () => {
  const [folder, folderOfA] = [temporaryFolder(), temporaryFolder()]
  const first = await networkedClinic(folderOfA)
  const { team } = first
  const b = await workstationOf(first, folder)
  await until('the nurse is known there', async () => (await codeOf(() => b.vault.signIn(team.nurse, PIN))) === null)
  const patient = await holder({ ...b, team }, 1)
  await weigh(b, patient, '70.1')
  const size = clinicOf(b).replica.live.head.size
  const { origin } = clinicOf(b).identity
  const held = (open: OpenVault) => clinicOf(open).foreign?.log(origin)?.head.size ?? 0
  await until('the first workstation has it', () => held(first) >= size)
  await b.vault.close()
  await first.vault.signIn(team.it, PIN)
  await first.vault.revokePractitioner({ handle: team.nurse, reason: 'left', pin: PIN })
  await first.vault.close()

  // Cut off: nobody tells it.
  const alone = await startVault(folder)
  await alone.vault.signIn(team.nurse, PIN)
  await weigh(alone, patient, '70.2')
  expect(await shown(alone, patient.handle)).toEqual([
    ['70.1', false],
    ['70.2', false],
  ])
  const { handle: late } = await alone.vault.registerPatient(patientNumber(2))
  const after = clinicOf(alone).replica.live.head.size

  const again = await startVault(folderOfA)
  await until('it has heard', async () => (await codeOf(() => alone.vault.signIn(team.nurse, PIN))) !== null)
  await until('the first workstation has what was signed meanwhile', () => held(again) >= after)
  for (const open of [again, alone]) {
    await open.vault.signIn(team.physician, PIN)
    await until('both are there', async () => (await shown(open, patient.handle)).length === 2)
    expect(await shown(open, patient.handle)).toEqual([
      ['70.1', false],
      ['70.2', true],
    ])
    const listed = (await open.vault.searchPatients('')).flatMap((row) =>
      row.status === 'verified' ? [[row.record.handle, row.position.signerEndedAt !== undefined]] : [],
    )
    expect(Object.fromEntries(listed)).toEqual({ [patient.handle]: false, [late]: true })
  }
}, 120_000)
