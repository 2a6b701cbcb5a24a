import { randomUUID } from 'node:crypto'
import { expect, it } from 'vitest'
import { encodeObservation } from '../../../src/clinical/observation.ts'
import { measured } from '../../../src/clinical/quantity.ts'
import { encodeReading } from '../../../src/ledger/fields.ts'
import type { KeyClass } from '../../../src/main/core/class-keys.ts'
import { fromHex } from '../../../src/shared/bytes.ts'
import {
  furnish,
  patientNumber,
  PIN,
  signManual,
  startVault,
  temporaryFolder,
  weight,
} from '../../faults/support/clinic.ts'
import { openParts, random } from '../../faults/support/parts.ts'

const AT = '2026-03-02T09:00:00+00:00'

/** A clinic, closed, with two patients and one reading of the first. */
async function twoPatients() {
  const open = await startVault(temporaryFolder())
  const staff = await furnish(open)
  await open.vault.signIn(staff.nurse, PIN)
  const { handle: one } = await open.vault.registerPatient(patientNumber(1))
  const { handle: other } = await open.vault.registerPatient(patientNumber(2))
  await signManual(open, one, [weight('70.1')])
  await open.vault.close()
  return { folder: open.folder, staff, one, other }
}

type World = Awaited<ReturnType<typeof twoPatients>>

/** The resource of a weight of the first patient, taken by the nurse; valid but for what is changed. */
function observation({ one, staff }: World, change: Partial<Parameters<typeof encodeObservation>[0]> = {}): string {
  return encodeObservation({
    id: randomUUID(),
    kind: 'weight',
    quantities: [measured('weight', '66.6')],
    technique: null,
    effective: AT,
    issued: AT,
    subject: one,
    practitioner: { handle: staff.nurse, name: 'Nora Nurse' },
    device: null,
    method: 'manual',
    flags: [],
    site: null,
    setId: randomUUID(),
    deviceTime: null,
    deviceClockOffsetS: null,
    window: null,
    rawBytes: null,
    gateway: null,
    test: false,
    ...change,
  })
}

/** Seals `text` as a reading of the first patient, signed by the nurse, and shows the chart. */
async function shown(world: World, text: string | Uint8Array, keyClass: KeyClass = 'body-measures') {
  const { writer, signer, store, keystore } = await openParts(world.folder, world.staff.nurse)
  await writer.record([
    {
      id: random(16),
      type: 'reading',
      subject: fromHex(world.one),
      timeMs: Date.parse(AT),
      payload: typeof text === 'string' ? new TextEncoder().encode(text) : text,
      fields: encodeReading({ method: 'manual', device: null }),
      keyClass,
      signers: [signer],
    },
  ])
  store.close()
  keystore.close()
  const open = await startVault(world.folder)
  await open.vault.signIn(world.staff.physician, PIN)
  const { readings } = await open.vault.chart(world.one, 1)
  await open.vault.close()
  const [before, row] = readings
  expect(before).toMatchObject({ status: 'verified', record: { quantities: [{ value: '70.1' }] } })
  return row
}

it('shows a record that says what its entry says', async () => {
  const world = await twoPatients()
  expect(await shown(world, observation(world))).toMatchObject({
    status: 'verified',
    record: { quantities: [{ value: '66.6' }], performer: 'Nora Nurse' },
  })
})

it.each<[string, (world: World) => string | Uint8Array]>([
  ['about another patient', (world) => observation(world, { subject: world.other })],
  [
    'by another practitioner',
    (world) => observation(world, { practitioner: { handle: world.staff.physician, name: 'Phil Physician' } }),
  ],
  [
    'by another method',
    (world) => observation(world, { method: 'unauthenticated-device', device: { handle: null, label: 'Scales' } }),
  ],
  ['of a type that is no reading', () => '{"resourceType":"Patient"}'],
  ['that is no JSON', () => 'weight: 66.6'],
  ['that is no text', () => new Uint8Array([0xff, 0xfe, 0x80])],
  ['that is empty', () => ''],
])('shows nothing of a signed and sealed record %s', async (_what, make) => {
  const world = await twoPatients()
  const row = await shown(world, make(world))
  expect(row).toMatchObject({ status: 'rejected', step: 'content' })
  expect(JSON.stringify(row)).not.toContain('66.6')
})

it.each<KeyClass>(['vital-signs', 'laboratory', 'patient-reported', 'demographics', 'assessments', 'site'])(
  'shows nothing of a weight that is sealed under the key of %s: others may hold that',
  async (keyClass) => {
    const world = await twoPatients()
    const row = await shown(world, observation(world), keyClass)
    expect(row).toMatchObject({ status: 'rejected', step: 'content', reason: 'sealed as another kind of data' })
    expect(JSON.stringify(row)).not.toContain('66.6')
  },
)
