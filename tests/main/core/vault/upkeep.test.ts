import { beforeAll, expect, it } from 'vitest'
import type { ScrubEvent } from '../../../../src/shared/api/schemas.ts'
import {
  codeOf,
  copyOf,
  databaseOf,
  forWholeFile,
  furnish,
  type OpenVault,
  patientNumber,
  PIN,
  signManual,
  type Staff,
  startVault,
  stateOf,
  temporaryFolder,
  weight,
} from '../../../faults/support/clinic.ts'
import { damage } from '../../../faults/support/scrubbing.ts'

let folder = ''
let staff: Staff
let patient = ''

beforeAll(async () => {
  await forWholeFile(async () => {
    const open = await startVault(temporaryFolder())
    folder = open.folder
    staff = await furnish(open)
    await open.vault.signIn(staff.nurse, PIN)
    patient = (await open.vault.registerPatient(patientNumber(1))).handle
    for (let n = 0; n < 4; n++) await signManual(open, patient, [weight(`${60 + n}.1`), weight(`${70 + n}.1`)])
    await open.vault.close()
  })
})

/** Opens a damaged copy, with IT signed in. */
async function damagedClinic(sql: string): Promise<OpenVault> {
  const copy = copyOf(folder)
  damage(copy, (db) => db.exec(sql))
  const open = await startVault(copy)
  await open.vault.signIn(staff.it, PIN)
  return open
}

/** Scrubs to the end and replies with what was told. */
async function scrub(open: OpenVault, file: string | null = null): Promise<ScrubEvent[]> {
  const from = open.events.length
  await open.vault.scrub(1, file)
  return open.events.slice(from).flatMap((event) => (event.kind === 'scrub' ? [event.event] : []))
}

/** Steps that rows of the patient's chart failed. */
async function failedSteps({ vault }: OpenVault): Promise<string[]> {
  await vault.signOut()
  await vault.signIn(staff.nurse, PIN)
  const { readings } = await vault.chart(patient, 1)
  return readings.flatMap((row) => (row.status === 'rejected' ? [row.step] : []))
}

const LOSE_TWO = `DELETE FROM entry WHERE idx = (SELECT idx FROM subject_entry WHERE type = 'reading' ORDER BY seq LIMIT 1);
  UPDATE payload SET salt = zeroblob(72) WHERE idx = (SELECT idx FROM subject_entry WHERE type = 'reading' ORDER BY seq DESC LIMIT 1)`

it('shows again what it repaired, without a restart, and lists the incident', async () => {
  const open = await damagedClinic(LOSE_TWO)
  const alone = await scrub(open)
  expect(alone.at(-1)).toMatchObject({ kind: 'done', open: 2, repaired: 0, isWhole: true })
  expect(await failedSteps(open)).toEqual(['present', 'decrypt'])
  await open.vault.signOut()
  await open.vault.signIn(staff.it, PIN)
  expect((await scrub(open, databaseOf(folder))).at(-1)).toMatchObject({ kind: 'done', open: 0, repaired: 2 })
  const incidents = await open.vault.incidents()
  expect(incidents.map(({ kind }) => kind)).toEqual(['rows.repaired', 'rows.damaged'])
  expect(incidents[0]?.rows.map(({ kind, outcome, count }) => ({ kind, outcome, count }))).toEqual([
    { kind: 'entry', outcome: 'repaired', count: 1 },
    { kind: 'payload', outcome: 'repaired', count: 1 },
  ])
  expect(await failedSteps(open)).toEqual([])
  await signManual(open, patient, [weight('88.8')])
  await open.vault.close()
  const again = await startVault(open.folder)
  await again.vault.signIn(staff.nurse, PIN)
  expect(await failedSteps(again)).toEqual([])
})

it('lets only IT name a file, and only another replica of this computer', async () => {
  const open = await damagedClinic('')
  const refused = async (file: string) => codeOf(() => open.vault.scrub(1, file))
  expect(await refused(databaseOf(open.folder))).toBe('BAD_BACKUP')
  expect(await refused('/does/not/exist')).toBe('BAD_BACKUP')
  expect(await refused('ledger.db')).toBe('BAD_BACKUP')
  expect(await refused('//server/share/ledger.db')).toBe('BAD_BACKUP')
  expect(await refused('/etc/hostname')).toBe('BAD_BACKUP')
  await open.vault.signOut()
  expect(await codeOf(() => open.vault.scrub(1, null))).toBe('NOT_SIGNED_IN')
  await open.vault.signIn(staff.nurse, PIN)
  expect(await refused(databaseOf(folder))).toBe('NOT_ALLOWED')
  expect((await scrub(open)).at(-1)).toMatchObject({ kind: 'done', open: 0 })
})

it('takes nothing from the replica of another clinic', async () => {
  const other = await startVault(temporaryFolder())
  await furnish(other)
  await other.vault.close()
  const open = await damagedClinic(LOSE_TWO)
  expect((await scrub(open, databaseOf(other.folder))).at(-1)).toMatchObject({ open: 2, repaired: 0 })
  expect((await open.vault.incidents()).map(({ kind }) => kind)).toEqual(['rows.lost'])
})

it('stops when asked, and when the vault closes', async () => {
  const open = await damagedClinic('')
  const running = open.vault.scrub(5, null)
  await open.vault.cancelScrub(5)
  await running
  const last = open.events.findLast((event) => event.kind === 'scrub')
  expect(last?.event).toMatchObject({ kind: 'done', isWhole: false })
  const interrupted = open.vault.scrub(6, null)
  await open.vault.close()
  await interrupted
  expect(stateOf(await startVault(open.folder))).toMatchObject({ state: 'ready' })
})
