/**
 * Four real clinics, with their files, keys and contracts: whatever is recorded, shared, taken back and erased in them,
 * and whatever happens to their lines, files and clocks meanwhile, they end with the same logs, all of it final, and
 * each shows what its patients allow. Repeat a failed run with `CHARTSEAL_SEED`.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, it } from 'vitest'
import { runs } from '../support/budget.ts'
import { ALL, Clinics, type Founded, foundClinics, rest } from './support/convergence/clinics.ts'
import { A_LONG_DAY, anyCommand, type Command, Start } from './support/convergence/commands.ts'
import { checkAlways, checkCharts, checkSame, unrest } from './support/convergence/invariants.ts'
import { type Model, newModel } from './support/convergence/model.ts'
import { SEED } from './support/seeded.ts'

const RUNS = runs(2, 100)
let founded: Founded
const place = mkdtempSync(join(tmpdir(), 'chartseal-founded-'))
beforeAll(async () => {
  founded = await foundClinics(place)
}, 600_000)
afterAll(() => {
  rmSync(place, { recursive: true, force: true })
})

/** Everything is switched on and connected, and time passes until nothing changes any more. */
async function settled(model: Model, clinics: Clinics): Promise<void> {
  for (const node of clinics.nodes) node.clockMs = 0
  clinics.board.heal()
  for (const i of ALL) if (model.off.has(i)) await new Start(i, null).run(model, clinics)
  await atRest(model, clinics)
}

async function atRest(model: Model, clinics: Clinics): Promise<void> {
  await rest(clinics.time, () => unrest(model, clinics))
  checkAlways(model, clinics)
}

/** What happened, and then rest: everything must be there, and nothing else. */
async function converges(commands: Iterable<Command>, seed: number): Promise<void> {
  const clinics = new Clinics(founded, seed)
  const model = newModel(founded.patients)
  try {
    await clinics.start()
    await fc.asyncModelRun(() => ({ model, real: clinics }), commands)
    await settled(model, clinics)
    await checkCharts(model, clinics)
    await atRest(model, clinics)
    checkSame(clinics)
  } finally {
    await clinics.close()
  }
}

it('four clinics converge after a day on which everything happens once', async () => {
  await converges(A_LONG_DAY, 1)
}, 600_000)

it(`four clinics converge, whatever happens to them (seed ${SEED})`, async () => {
  const schedules = fc.commands([anyCommand], { maxCommands: 30, size: 'max' })
  await fc.assert(fc.asyncProperty(schedules, fc.nat(), converges), {
    numRuns: RUNS,
    seed: SEED,
    interruptAfterTimeLimit: 3_000_000,
  })
}, 3_600_000)
