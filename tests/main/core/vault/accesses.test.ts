import { expect, it } from 'vitest'
import { encodeAccess } from '../../../../src/ledger/fields.ts'
import type { AccessRecord } from '../../../../src/shared/api/schemas.ts'
import { fromHex } from '../../../../src/shared/bytes.ts'
import { codeOf } from '../../../faults/support/clinic.ts'
import { random } from '../../../faults/support/parts.ts'
import {
  consentWorld,
  granted,
  holder,
  PIN,
  takenBack,
  verified,
  weigh,
  type World,
} from '../../../support/consent-world.ts'

const ALL = { handle: null, before: null, limit: 200 }

it('says who looked at a patient, newest first, page by page, by single looks and by lists', async () => {
  const world = await consentWorld()
  const { vault, team } = world
  const patient = await holder(world, 1)
  const other = await holder(world, 2)
  await vault.chart(patient.handle, 1)
  await vault.signIn(team.physician, PIN)
  await vault.searchPatients('')
  await vault.chart(patient.handle, 1)
  await vault.chart(other.handle, 1)
  const request = { handle: patient.handle, before: null, limit: 200 }
  const rows = (await vault.accessLog(request)).map(verified)
  expect(rows.every(({ subjects }) => subjects.includes(patient.handle))).toBe(true)
  expect(rows.map(({ practitioner, kind }) => `${practitioner} ${kind}`).slice(0, 2)).toEqual([
    'Phil Physician view',
    'Phil Physician list',
  ])
  expect(rows.at(-1)).toMatchObject({ practitioner: 'Nora Nurse', role: 'nurse', purpose: 'care', finding: null })
  expect(rows.map(({ at }) => at)).toEqual(
    rows
      .map(({ at }) => at)
      .toSorted()
      .reverse(),
  )
  // Having been asked is on record as well.
  const again = (await vault.accessLog(request)).map(verified)
  expect(again.length).toBe(rows.length + 1)
  const paged: string[] = []
  let before: string | null = null
  for (;;) {
    await vault.signIn(team.auditor, PIN)
    const page: AccessRecord[] = (await vault.accessLog({ handle: patient.handle, before, limit: 2 })).map(verified)
    paged.push(...page.map(({ entryId }) => entryId))
    if (page.length < 2) break
    before = page.at(-1)?.at ?? null
  }
  await vault.signIn(team.auditor, PIN)
  expect(paged).toEqual((await vault.accessLog(request)).map((row) => verified(row).entryId))
})

it('is for physicians, nurses and auditors; auditors read no words', async () => {
  const world = await consentWorld()
  const { vault, team } = world
  const patient = await holder(world, 1)
  await vault.breakGlass({ handle: patient.handle, reason: 'other', text: 'told in confidence', pin: PIN })
  const request = { handle: patient.handle, before: null, limit: 50 }
  expect(JSON.stringify(await vault.accessLog(request))).toContain('told in confidence')
  expect(JSON.stringify(await vault.accessLog(ALL))).not.toContain('told in confidence')
  await vault.signIn(team.auditor, PIN)
  for (const asked of [request, ALL]) {
    const rows = await vault.accessLog(asked)
    expect(rows.some((row) => row.status === 'verified' && row.record.kind === 'emergency')).toBe(true)
    expect(JSON.stringify(rows)).not.toMatch(/told in confidence|Family1|Given1/)
  }
  await vault.signIn(team.it, PIN)
  expect(await codeOf(() => vault.accessLog(ALL))).toBe('NOT_ALLOWED')
})

it('shows a damaged entry as damaged, in its place', async () => {
  const world = await consentWorld()
  const { vault, team } = world
  const patient = await holder(world, 1)
  await vault.chart(patient.handle, 1)
  await vault.chart(patient.handle, 2)
  const { replica } = world.clinic()
  const [last, before] = replica.accesses.toReversed()
  if (last === undefined || before === undefined) throw new Error('two looks')
  const log = before.log as unknown as { verifiedEntry: (index: number) => unknown }
  const real = log.verifiedEntry.bind(log)
  log.verifiedEntry = (index) => (index === before.index ? { step: 'inclusion', reason: 'changed' } : real(index))
  await vault.signIn(team.auditor, PIN)
  const rows = await vault.accessLog({ handle: patient.handle, before: null, limit: 50 })
  expect(rows.slice(0, 2).map((row) => (row.status === 'rejected' ? row.step : row.position.index))).toEqual([
    last.index,
    'inclusion',
  ])
})

/** An access entry that a changed program might write: about a closed patient, and citing no emergency. */
async function look(world: World, handle: string, headSize: number) {
  const { writer, viewer, identity, replica } = world.clinic()
  if (viewer === null) throw new Error('somebody is signed in')
  const root = replica.live.trusted.tree.rootAt(headSize)
  const heads = [{ origin: identity.origin, size: headSize, root }]
  await writer.record([
    {
      ...{ id: random(16), type: 'access', subject: fromHex(handle), timeMs: world.clock.nowMs, payload: null },
      fields: encodeAccess({ purpose: 'care', heads, subjects: null }),
      signers: [viewer.signer],
    },
  ])
}

it('names a look a violation when it relied on a head that holds the revocation', async () => {
  const world = await consentWorld()
  const { vault, team } = world
  const patient = await holder(world, 1)
  await weigh(world, patient, '70.1')
  await vault.chart(patient.handle, 1)
  const { consentId } = await granted(world, patient)
  const before = world.clinic().replica.head.size
  await takenBack(world, patient, consentId)
  const after = world.clinic().replica.head.size
  await vault.chart(patient.handle, 2)
  await look(world, patient.handle, before)
  await look(world, patient.handle, after)
  await granted(world, patient)
  await vault.chart(patient.handle, 3)
  await vault.signIn(team.auditor, PIN)
  const rows = (await vault.accessLog({ handle: patient.handle, before: null, limit: 50 })).map(verified)
  const told = rows.filter(({ kind }) => kind === 'view').map(({ purpose, finding }) => [purpose, finding])
  expect(told.slice(0, 5)).toEqual([
    ['care', null], // after the second consent
    ['refused', null], // while it was granted
    ['care', 'violation'],
    ['care', 'concurrent'],
    ['refused', null],
  ])
  expect(told.slice(5).map(([, finding]) => finding)).toEqual(told.slice(5).map(() => null))
})
