/** What a clinic shows, taken before and after an attack on its files, and how the two are compared. */
import { expect } from 'vitest'
import type { VerifyStep } from '../../../src/shared/api/codes.ts'
import type { Row } from '../../../src/main/core/vault-service.ts'
import { type OpenVault, PIN, type Staff } from './clinic.ts'

/**
 * A row without its grade. A block is sealed at once and final only when it was cosigned, some time later: what is shown
 * of the same entry on two starts may differ in that alone, whether or not anything was changed in between.
 */
export function withoutGrade<Content>(row: Row<Content>): UngradedRow<Content> {
  if (row.status === 'rejected') return row
  const { grade: _, ...position } = row.position
  return { ...row, position }
}

type Verified<Content> = Extract<Row<Content>, { status: 'verified' }>

/** See {@link withoutGrade}. */
export type UngradedRow<Content> =
  | Exclude<Row<Content>, { status: 'verified' }>
  | (Omit<Verified<Content>, 'position'> & { readonly position: Omit<Verified<Content>['position'], 'grade'> })

/** A value that was shown, by its place in the log. */
export interface Shown {
  readonly patient: string
  /** Its number in the patient's chain; 0 is the registration. */
  readonly seq: number
  readonly row: UngradedRow<unknown>
}

/** All that a physician can see. */
export interface Picture {
  readonly rows: readonly Shown[]
  /** Patients in the list, with and without a name. */
  readonly listed: number
}

/** Signs the physician in and looks at everything. */
export async function takePicture({ vault }: OpenVault, staff: Staff, patients: readonly string[]): Promise<Picture> {
  await vault.signIn(staff.physician, PIN)
  const list = await vault.searchPatients('')
  const rows: Shown[] = []
  for (const patient of patients) {
    const chart = await vault.chart(patient, 1)
    rows.push({ patient, seq: 0, row: withoutGrade(chart.patient) })
    for (const row of chart.readings) {
      const seq = row.status === 'verified' ? row.position.seq : row.seq
      rows.push({ patient, seq: seq ?? -1, row: withoutGrade(row) })
    }
  }
  return { rows, listed: list.length }
}

/** Place in the log of a row of the picture before the attack. */
export function indexOf({ row }: Shown): number {
  if (row.status === 'rejected') throw new Error('before the attack everything verifies')
  return row.position.index
}

/** Which entries an attack reaches, and the steps that may be named for each. */
export type Reached = ReadonlyMap<number, readonly VerifyStep[]>

/**
 * Everything that was not reached shows as before; what was reached is a rejected row that names an expected step;
 * and no value has appeared.
 */
export function expectOnlyReached(before: Picture, after: Picture, reached: Reached): void {
  const found = new Map(after.rows.map((shown) => [`${shown.patient}/${shown.seq}`, shown.row]))
  for (const shown of before.rows) {
    const key = `${shown.patient}/${shown.seq}`
    const steps = reached.get(indexOf(shown))
    const row = found.get(key)
    found.delete(key)
    if (steps === undefined) expect(row).toEqual(shown.row)
    else {
      expect(row).toMatchObject({ status: 'rejected' })
      if (row?.status === 'rejected') expect(steps).toContain(row.step)
      expect(row).not.toHaveProperty('record')
    }
  }
  // What is left are rows of lost entries that nobody can tell from readings.
  for (const row of found.values()) expect(row).toMatchObject({ status: 'rejected' })
  expect(found.size).toBeLessThanOrEqual(reached.size)
  expect(after.listed).toBe(before.listed)
}
