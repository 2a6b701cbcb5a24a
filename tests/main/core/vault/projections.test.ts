import { beforeAll, expect, it } from 'vitest'
import {
  areProjectionsSound,
  ProjectionDigest,
  rebuildProjections,
} from '../../../../src/main/core/vault/projections.ts'
import type { IdRow, SubjectRow } from '../../../../src/main/store/store.ts'
import {
  copyOf,
  forWholeFile,
  furnish,
  patientNumber,
  PIN,
  signManual,
  type Staff,
  startVault,
  temporaryFolder,
  weight,
} from '../../../faults/support/clinic.ts'
import { openParts } from '../../../faults/support/parts.ts'
import { damage } from '../../../faults/support/scrubbing.ts'

let folder = ''
let staff: Staff

beforeAll(async () => {
  await forWholeFile(async () => {
    const open = await startVault(temporaryFolder())
    folder = open.folder
    staff = await furnish(open)
    await open.vault.signIn(staff.nurse, PIN)
    const { handle } = await open.vault.registerPatient(patientNumber(1))
    await signManual(open, handle, [weight('60.1'), weight('61.1'), weight('62.1')])
    await open.vault.close()
  })
})

/** The clinic with changed rows, and what its index tables should be. */
async function opened(sql: string) {
  const copy = copyOf(folder)
  damage(copy, (db) => db.exec(sql))
  const { replica, store } = await openParts(copy, staff.nurse)
  const { live } = replica
  const digest = new ProjectionDigest()
  const unproven = new Set<number>()
  for (let index = 0; index < live.head.size; index++) {
    const verified = live.verifiedEntry(index)
    if ('step' in verified) unproven.add(index)
    else digest.entry(index, verified.entry)
  }
  const { origin, head } = live
  const expected = [{ origin, size: head.size, digest: digest.value(), unproven }]
  const isSound = () => areProjectionsSound(store, expected, new Map([[origin, head.size]]))
  return { replica, store, unproven, isSound }
}

/** Every row, by place. */
const rowsOf = (rows: Iterable<IdRow | SubjectRow>) => [...rows].map(({ origin, index }) => `${origin ?? '?'} ${index}`)

it('are sound as the writer left them, and as they are made again', async () => {
  const { replica, store, isSound } = await opened('')
  expect(isSound()).toBe(true)
  const before = [rowsOf(store.idRows()), rowsOf(store.subjectRows())]
  rebuildProjections(store, replica.logs)
  expect([rowsOf(store.idRows()), rowsOf(store.subjectRows())]).toEqual(before)
  expect(isSound()).toBe(true)
})

it.each([
  ['an id is missing', 'DELETE FROM entry_id WHERE idx = 5'],
  ['an id leads elsewhere', 'UPDATE entry_id SET idx = idx + 1 WHERE idx = 5'],
  ['an id is another', "UPDATE entry_id SET id = x'00' WHERE idx = 5"],
  ['an id of a log that is not here', "INSERT INTO entry_id VALUES (x'01', 99, 0)"],
  ['an id beyond the head', "INSERT INTO entry_id VALUES (x'01', 1, 9999)"],
  ['a subject is missing', "DELETE FROM subject_entry WHERE type = 'reading'"],
  ['a subject has another number', "UPDATE subject_entry SET seq = seq + 100 WHERE type = 'reading'"],
  ['a subject has another type', "UPDATE subject_entry SET type = 'access' WHERE type = 'patient.registered'"],
  ['a subject that nobody knows', "INSERT INTO subject_entry VALUES (x'00', 0, 1, 3, 'patient.registered')"],
])('are found and made again when %s', async (_what, sql) => {
  const { replica, store, isSound } = await opened(sql)
  expect(isSound()).toBe(false)
  rebuildProjections(store, replica.logs)
  expect(isSound()).toBe(true)
})

it('keep what they say of an entry that is damaged: nobody else knows whose it was', async () => {
  const lost = "(SELECT idx FROM subject_entry WHERE type = 'reading' ORDER BY seq LIMIT 1)"
  const { replica, store, unproven, isSound } = await opened(
    `DELETE FROM entry WHERE idx = ${lost}; DELETE FROM entry_id WHERE idx = 0`,
  )
  const [index = -1] = unproven
  expect(isSound()).toBe(false)
  rebuildProjections(store, replica.logs)
  expect(isSound()).toBe(true)
  expect([...store.subjectRows()].filter((row) => row.index === index)).toMatchObject([{ type: 'reading' }])
  expect([...store.idRows()].filter((row) => row.index === index)).toHaveLength(1)
})
