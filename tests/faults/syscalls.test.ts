/**
 * Every call by which the clinic's files change is made to fail, or to be the last thing the process does. Afterwards
 * the clinic opens, everything that was acknowledged is there and verifies, and there are never two checkpoints of one
 * size. Only the death of a process is met here: torn writes are in `torn-writes.test.ts`.
 */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { runs } from '../support/budget.ts'
import { type Acknowledged, Checkpoints, expectAllThere, linesOf, notesIn } from './support/acknowledged.ts'
import { copyOf, furnish, patientNumber, PIN, type Staff, startVault, temporaryFolder } from './support/clinic.ts'
import { SEED, seeded } from './support/seeded.ts'
import { CALLS, canTrace, type Fault, traced, type Traced } from './support/strace.ts'

const PROGRAM = join(import.meta.dirname, 'support', 'record-until-fault.ts')
/** Readings of one run: more than one checkpoint of the log, and one of the mirror. */
const READINGS = 3
const RUNS = runs(20, 2000)

type Line = Partial<Acknowledged> & { readonly checkpoint?: string; readonly failed?: string; readonly state?: string }

interface Template {
  readonly folder: string
  readonly staff: Staff
  readonly patient: string
}

async function template(): Promise<Template> {
  const open = await startVault(temporaryFolder())
  const staff = await furnish(open)
  await open.vault.signIn(staff.nurse, PIN)
  const { handle } = await open.vault.registerPatient(patientNumber(1))
  await open.vault.close()
  return { folder: open.folder, staff, patient: handle }
}

/** Files and folders of a clinic, and those that exist only for a moment. */
function filesOf(folder: string): string[] {
  const clinic = join(folder, 'clinic')
  const names = readdirSync(clinic, { recursive: true, encoding: 'utf8' }).map((name) => join(clinic, name))
  return [clinic, ...names, ...names.map((name) => `${name}.new`), join(clinic, 'ledger.db-wal')]
}

function recordUnder(folder: string, { staff, patient }: Template, first: number, fault: Fault | null) {
  const args = [PROGRAM, folder, staff.nurse, patient, String(first), String(READINGS)]
  return traced(args, filesOf(folder), fault)
}

/** All faults that the calls of an undisturbed run offer. */
function faultsOf({ calls }: Traced): Fault[] {
  return CALLS.flatMap((call) => {
    const effects: Fault['effect'][] = ['signal=KILL', 'error=EIO']
    if (call !== 'fsync' && call !== 'fdatasync') effects.push('error=ENOSPC')
    const count = calls.get(call) ?? 0
    return Array.from({ length: count }, (_, i) => effects.map((effect) => ({ call, when: i + 1, effect }))).flat()
  })
}

/** `count` of all, in random order, the first of them one for each call and effect. */
function chosen(faults: readonly Fault[], count: number): Fault[] {
  const random = seeded('syscalls')
  const shuffled = faults
    .map((fault) => ({ fault, at: random.below(2 ** 30) }))
    .sort((a, b) => a.at - b.at)
    .map(({ fault }) => fault)
  const firsts = [...Map.groupBy(shuffled, ({ call, effect }) => `${call} ${effect}`).values()].flatMap((same) =>
    same.slice(0, 1),
  )
  return [...firsts, ...shuffled.filter((fault) => !firsts.includes(fault))].slice(0, count)
}

async function expectSoundAfter(clinic: Template, folder: string, { said, code, signal }: Traced): Promise<Line[]> {
  const lines = linesOf<Line>(said)
  // A failure is one that the program knows, or its death.
  expect(signal === 'SIGKILL' || code === 0).toBe(true)
  const checkpoints = new Checkpoints()
  for (const { checkpoint } of lines) if (checkpoint !== undefined) checkpoints.see(checkpoint)
  for (const note of await notesIn(folder)) checkpoints.see(note)
  const all = lines.filter((line): line is Line & Acknowledged => line.entryId !== undefined)
  await expectAllThere(folder, clinic.staff, clinic.patient, all)
  for (const note of await notesIn(folder)) checkpoints.see(note)
  return lines
}

const SKIP = !canTrace()

it.skipIf(SKIP)(
  `${SKIP ? 'needs strace and the right to trace: ' : ''}survives ${RUNS} failing or last calls (seed ${SEED})`,
  { timeout: 3_600_000 },
  async () => {
    const clinic = await template()
    const undisturbed = copyOf(clinic.folder)
    const baseline = await recordUnder(undisturbed, clinic, 0, null)
    const acknowledged = (await expectSoundAfter(clinic, undisturbed, baseline)).filter((line) => line.entryId)
    expect(acknowledged).toHaveLength(READINGS)
    const faults = faultsOf(baseline)
    for (const call of ['pwrite64', 'fsync', 'fdatasync', 'rename'] as const)
      expect(baseline.calls.get(call) ?? 0).toBeGreaterThan(2)
    let [reached, felt] = [0, 0]
    const tried = chosen(faults, RUNS)
    for (const fault of tried) {
      const folder = copyOf(clinic.folder)
      const run = await recordUnder(folder, clinic, 0, fault)
      const lines = await expectSoundAfter(clinic, folder, run).catch((cause: unknown) => {
        throw new Error(`after ${fault.effect} at ${fault.call} ${fault.when}: ${run.said}`, { cause })
      })
      if (run.injected) reached += 1
      if (run.signal !== null || lines.some((line) => line.failed !== undefined || line.state !== 'ready')) felt += 1
    }
    // Faults past the last call, or that SQLite takes in its stride, prove nothing.
    expect(reached).toBeGreaterThan(tried.length / 2)
    expect(felt).toBeGreaterThan(tried.length / 4)
  },
)
