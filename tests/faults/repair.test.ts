/**
 * Every attack on the database file is noticed at the next start or the next look, named, and undone where a second
 * replica exists: afterwards everything that was shown before is shown again.
 */
import { copyFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { VERIFY_STEPS } from '../../src/shared/api/codes.ts'
import type { ScrubEvent } from '../../src/shared/api/schemas.ts'
import { ATTACKS, attacked, type Closed, smallClinic } from './support/attacks.ts'
import {
  copyOf,
  databaseOf,
  forWholeFile,
  PIN,
  startVault,
  stateOf,
  temporaryFolder,
  type OpenVault,
} from './support/clinic.ts'
import { MORE_ATTACKS } from './support/more-attacks.ts'
import { type Picture, takePicture } from './support/picture.ts'
import { SEED, seeded } from './support/seeded.ts'

type Change = (typeof MORE_ATTACKS)[number][1]

const ALL: readonly (readonly [string, Change])[] = [
  ...ATTACKS.map(([title, attack]): readonly [string, Change] => [
    title,
    (db, clinic, random) => void attack(clinic, db, random),
  ]),
  ...MORE_ATTACKS,
]

/** A run of the scrub: what it found, and the totals. */
async function scrub({ vault, events }: OpenVault, run: number, file: string | null) {
  await vault.scrub(run, file)
  const own = events.flatMap((event): ScrubEvent[] =>
    event.kind === 'scrub' && event.run === run ? [event.event] : [],
  )
  const done = own.find((event) => event.kind === 'done')
  if (done?.kind !== 'done') throw new Error('the scrub did not end')
  return { done, findings: own.filter((event) => event.kind === 'finding') }
}

/** Whoever looks before anything is repaired sees as good only what was shown before; every other row names its step. */
async function expectNothingWrong({ before, staff, patients }: Closed, folder: string): Promise<void> {
  const open = await startVault(folder)
  if (stateOf(open).state === 'ready') {
    const idOf = ({ row }: Picture['rows'][number]) => (row.status === 'verified' ? row.position.entryId : '')
    const known = new Map(before.rows.map((shown) => [idOf(shown), shown]))
    for (const shown of (await takePicture(open, staff, patients)).rows) {
      if (shown.row.status === 'rejected') expect(VERIFY_STEPS).toContain(shown.row.step)
      else expect(contentOf([shown])).toEqual(contentOf([known.get(idOf(shown)) ?? shown]))
    }
  }
  await open.vault.close()
}

const contentOf = (rows: Picture['rows']) =>
  rows.map(({ patient, seq, row }) => ({ patient, seq, record: row.status === 'verified' ? row.record : row }))

describe(`a clinic with a second replica (seed ${SEED})`, () => {
  let clinic: Closed
  let second = ''
  beforeAll(async () => {
    clinic = await forWholeFile(smallClinic)
    second = await forWholeFile(() => Promise.resolve(join(temporaryFolder(), 'second.db')))
    copyFileSync(databaseOf(clinic.folder), second)
  })

  it('knows at least forty attacks, each by its own name', () => {
    expect(new Set(ALL.map(([title]) => title)).size).toBe(ALL.length)
    expect(ALL.length).toBeGreaterThanOrEqual(40)
  })

  it.each(ALL)('%s: noticed, named and undone', { timeout: 120_000 }, async (title, change) => {
    const folder = attacked(clinic, (db) => {
      change(db, clinic, seeded(title))
    })
    await expectNothingWrong(clinic, copyOf(folder))
    const open = await startVault(folder)
    const { state, recovery } = stateOf(open)
    if (state === 'recovery-needed') {
      expect(recovery?.reason).toMatch(/^(rolled-back|tree-damaged|other-history)$/)
      await open.vault.recover({ recoveryKey: clinic.staff.recoveryKey, file: second })
    } else {
      expect(state).toBe('ready')
      await open.vault.signIn(clinic.staff.it, PIN)
      const { done, findings } = await scrub(open, 1, second)
      expect(findings.length + (await open.vault.incidents()).length).toBeGreaterThan(0)
      expect(done.open).toBe(0)
    }
    expect(stateOf(open).state).toBe('ready')
    expect(contentOf((await takePicture(open, clinic.staff, clinic.patients)).rows)).toEqual(
      contentOf(clinic.before.rows),
    )
    await open.vault.close()

    const again = await startVault(folder)
    expect(stateOf(again).state).toBe('ready')
    expect(contentOf((await takePicture(again, clinic.staff, clinic.patients)).rows)).toEqual(
      contentOf(clinic.before.rows),
    )
    await again.vault.signIn(clinic.staff.it, PIN)
    const clean = await scrub(again, 2, null)
    expect(clean.findings).toEqual([])
    await again.vault.close()
    rmSync(folder, { recursive: true, force: true })
  })
})
