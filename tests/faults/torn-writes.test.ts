/**
 * What a disk leaves that lied about what it had written: files that end too early, pages half zero, half old or half
 * nonsense. Nothing that was acknowledged disappears in silence, no other value appears, and no size of the log gets a
 * second root: the clinic opens with all of it, or shows the rows that are damaged, or stops and says why.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { runs } from '../support/budget.ts'
import { type Acknowledged, Checkpoints, linesOf } from './support/acknowledged.ts'
import {
  codeOf,
  copyOf,
  databaseOf,
  furnish,
  patientNumber,
  PIN,
  signManual,
  type Staff,
  startVault,
  stateOf,
  temporaryFolder,
} from './support/clinic.ts'
import { type Random, SEED, seeded } from './support/seeded.ts'
import { weight } from './support/values.ts'

const PROGRAM = join(import.meta.dirname, 'support', 'record-until-killed.ts')
const RUNS = runs(60, 3000)
const PAGE = 4096
const SECTOR = 512

type Line = Acknowledged & { readonly checkpoint: string }

interface Killed {
  /** Before the process began to record. */
  readonly before: string
  /** After it was killed, write-ahead log and all. */
  readonly folder: string
  readonly staff: Staff
  readonly patient: string
  readonly acknowledged: readonly Line[]
}

async function killedClinic(): Promise<Killed> {
  const open = await startVault(temporaryFolder())
  const staff = await furnish(open)
  await open.vault.signIn(staff.nurse, PIN)
  const { handle: patient } = await open.vault.registerPatient(patientNumber(1))
  await open.vault.close()
  const before = copyOf(open.folder)
  const child = spawn(process.execPath, [PROGRAM, open.folder, staff.nurse, patient, '0'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let said = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text
    if (said.split('\n').length > 12) child.kill('SIGKILL')
  })
  await once(child, 'close')
  return { before, folder: open.folder, staff, patient, acknowledged: linesOf<Line>(said) }
}

/** Damages one file as a torn, short or stale write would, and says how. */
function tear(folder: string, before: string, random: Random): string {
  const inClinic = (root: string, name: string) => join(root, 'clinic', name)
  const names = ['ledger.db', 'ledger.db-wal', 'ledger.db-wal', join('keystore', 'high-water')]
  const name = random.oneOf(names.filter((one) => existsSync(inClinic(folder, one))))
  const file = inClinic(folder, name)
  const bytes = new Uint8Array(readFileSync(file))
  // The newest writes are the likely ones to be torn.
  const near = random.oneOf([PAGE, 4 * PAGE, bytes.length])
  const at = Math.max(0, bytes.length - 1 - random.below(Math.min(near, bytes.length)))
  const how = random.oneOf(['short', 'zero', 'nonsense', 'stale'] as const)
  if (how === 'short') truncateSync(file, at)
  else {
    const start = at - (at % SECTOR)
    const end = Math.min(bytes.length, start + SECTOR * (1 + random.below(PAGE / SECTOR)))
    const old = existsSync(inClinic(before, name)) ? new Uint8Array(readFileSync(inClinic(before, name))) : bytes
    for (let i = start; i < end; i++)
      bytes[i] = how === 'zero' ? 0 : how === 'nonsense' ? random.below(256) : (old[i] ?? 0)
    writeFileSync(file, bytes)
  }
  return `${how} ${name} at ${at} of ${bytes.length}`
}

/** Opens a torn clinic and looks at everything. Replies with the state it came to. */
async function judge({ staff, patient, acknowledged }: Killed, folder: string): Promise<string> {
  const checkpoints = new Checkpoints()
  for (const { checkpoint } of acknowledged) checkpoints.see(checkpoint)
  const open = await startVault(folder)
  const { state, problem } = stateOf(open)
  if (state !== 'ready') {
    // It says what is wrong, and nobody can sign anything.
    expect(problem).not.toBeNull()
    expect(await codeOf(() => open.vault.signIn(staff.nurse, PIN))).toBe('WRONG_STATE')
    return state
  }
  const refusal = await codeOf(() => open.vault.signIn(staff.nurse, PIN))
  if (refusal !== null) return refusal
  const { readings } = await open.vault.chart(patient, 1)
  const shown = new Map(
    readings.flatMap((row) =>
      row.status === 'verified' ? [[row.position.entryId, row.record.quantities[0]?.value]] : [],
    ),
  )
  const isDamageShown =
    readings.some(({ status }) => status === 'rejected') || (await open.vault.unattributedDamage()) > 0
  for (const { entryId, value } of acknowledged) {
    if (shown.has(entryId)) expect(shown.get(entryId)).toBe(value)
    else expect(isDamageShown).toBe(true)
  }
  const refusedToSign = await codeOf(async () => {
    const [row] = await signManual(open, patient, [weight('71.5')])
    if (row?.status === 'verified') checkpoints.see((await open.vault.proof(null, row.position.index)).checkpoint)
  })
  // Where everything is sound, work goes on.
  if (!isDamageShown) expect(refusedToSign).toBeNull()
  await open.vault.close()
  return isDamageShown ? 'damage shown' : 'ready'
}

it(
  `loses nothing in silence to ${RUNS} torn, short and stale writes (seed ${SEED})`,
  { timeout: 1_800_000 },
  async () => {
    const killed = await killedClinic()
    expect(killed.acknowledged.length).toBeGreaterThan(5)
    expect(readFileSync(`${databaseOf(killed.folder)}-wal`).length).toBeGreaterThan(PAGE)
    // The same after a clean end, when everything is in the database itself.
    const settled = copyOf(killed.folder)
    await (await startVault(settled)).vault.close()
    const random = seeded('torn')
    const outcomes = new Map<string, number>()
    for (let run = 0; run < RUNS; run++) {
      const folder = copyOf(killed.folder)
      const how = tear(folder, killed.before, random)
      const outcome = await judge(killed, folder).catch((cause: unknown) => {
        throw new Error(how, { cause })
      })
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
    }
    // Some tears do no harm and some do; a suite that met only one kind has not looked.
    expect(outcomes.get('ready') ?? 0).toBeGreaterThan(0)
    expect(RUNS - (outcomes.get('ready') ?? 0)).toBeGreaterThan(RUNS / 10)
  },
)
