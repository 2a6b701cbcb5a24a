import { beforeAll, expect, it } from 'vitest'
import { encodePatient } from '../../../../src/clinical/patient.ts'
import { ClaimedPatients } from '../../../../src/main/core/vault/claimed-patients.ts'
import { ApiFailure } from '../../../../src/main/core/failure.ts'
import { fromHex } from '../../../../src/shared/bytes.ts'
import { codeOf, forWholeFile, patientNumber, PIN } from '../../../faults/support/clinic.ts'
import { clinicOf, verified, weightsIn } from '../../../support/consent-world.ts'
import { type SharedRecords, sharedRecords } from '../../../support/shared-records.ts'
import { until } from '../../../support/two-clinics.ts'

let world: SharedRecords
beforeAll(async () => {
  world = await forWholeFile(sharedRecords)
}, 90_000)

const claim = { origin: 'vale.example/site/node/1', index: 7, owner: 'hill.example/site/node/1' }

it('shows no patient that a log registers under the handle of another, and says who did', async () => {
  const { a, b, kept, shared } = world
  const liar = clinicOf(b.open)
  const registered = async (handle: string) => {
    const patient = { handle, ...patientNumber(9), familyName: 'Mallory' }
    await liar.writer.record([
      {
        ...{ id: liar.random(16), type: 'patient.registered', subject: fromHex(handle), timeMs: liar.nowMs() },
        payload: new TextEncoder().encode(encodePatient(patient, false)),
        ...{ fields: new Map(), signers: [liar.viewer!.signer] },
      },
    ])
    return liar.replica.head.size - 2
  }
  const index = await registered(kept.handle)
  await registered(shared.handle)
  const claims = async () => (await a.open.vault.incidents()).filter(({ kind }) => kind === 'patient.claimed')
  await until('the owner knows of it', async () => (await claims()).length > 0)
  expect(await claims()).toMatchObject([{ claimed: { origin: b.origin, index, owner: a.origin } }])
  const foreign = clinicOf(a.open).foreign!
  await until('both have come', () => foreign.claims().length === 2)
  expect([foreign.patients(), foreign.patient(kept.handle)]).toEqual([[], null])
  await a.open.vault.signIn(a.world.team.nurse, PIN)
  const chart = await a.open.vault.chart(shared.handle, 1)
  expect([verified(chart.patient).familyName, weightsIn(chart)]).toEqual([shared.familyName, ['70.1']])
  expect(JSON.stringify(await a.open.vault.searchPatients(''))).not.toContain('Mallory')
})

it('is recorded once for each log, also by whoever does not remember', async () => {
  const { writer, logSigner, nowMs, replica } = clinicOf(world.b.open)
  const before = replica.incidents.length
  await new ClaimedPatients({ writer, logSigner, nowMs }).record([claim, { ...claim, index: 9 }])
  await new ClaimedPatients({ writer, logSigner, nowMs }).record([claim])
  expect(replica.incidents).toHaveLength(before + 1)
})

it('is recorded later where it could not be', async () => {
  const { logSigner, nowMs, writer } = clinicOf(world.b.open)
  let isFull = true
  const record: typeof writer.record = (drafts) =>
    isFull ? Promise.reject(new ApiFailure('DISK_FULL')) : writer.record(drafts)
  const claimed = new ClaimedPatients({
    writer: Object.assign(Object.create(writer) as typeof writer, { record }),
    logSigner,
    nowMs,
  })
  const other = { ...claim, origin: 'lake.example/site/node/2' }
  expect(await codeOf(() => claimed.record([other]))).toBe('DISK_FULL')
  isFull = false
  await claimed.record([other])
  const [newest] = await world.b.open.vault.incidents()
  expect(newest).toMatchObject({ kind: 'patient.claimed', claimed: other })
})
