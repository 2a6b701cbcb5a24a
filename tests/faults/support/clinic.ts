/**
 * A small clinic through the real vault: its people, a device, patients and readings. Everything that fault tests and
 * tests of the vault start from.
 */
import { ORDINARY } from '../../../src/devices/measurement.ts'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach } from 'vitest'
import type { DeviceOrigin, HeldDraft, Row, VaultEvent } from '../../../src/main/core/vault-service.ts'
import { Vault } from '../../../src/main/core/vault/vault.ts'
import { CodedError } from '../../../src/shared/errors.ts'
import { NODE_SECRET, PIN } from './values.ts'
import type { ManualValue, Patient, Reading } from '../../../src/shared/api/schemas.ts'

export * from './values.ts'

export const OXIMETER: DeviceOrigin = {
  family: 'contec-28e9-028a',
  name: 'CMS50E',
  serial: 'SN-4711',
  port: '1-2',
  vendorId: 0x28e9,
  productId: 0x028a,
  manufacturer: 'Contec',
  kinds: ['spo2', 'heart-rate'],
  virtual: false,
}

/** What undoes something after a test. */
export type CleanUp = () => unknown

const afterTest: CleanUp[] = []
const afterFile: CleanUp[] = []
let cleanUps = afterTest

async function runAll(list: CleanUp[]): Promise<void> {
  for (const undo of list.splice(0).reverse()) await undo()
}
afterEach(() => runAll(afterTest))
afterAll(() => runAll(afterFile))

/** Undoes something after the test. */
export function cleanUp(body: CleanUp): void {
  cleanUps.push(body)
}

/** What `body` opens and makes stays until the end of the file instead of the end of the test. */
export async function forWholeFile<Value>(body: () => Promise<Value>): Promise<Value> {
  cleanUps = afterFile
  try {
    return await body()
  } finally {
    cleanUps = afterTest
  }
}

/** A folder that is gone after the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'chartseal-test-'))
  cleanUps.push(() => {
    rmSync(folder, { recursive: true, force: true })
  })
  return folder
}

/** A vault and what it has said. */
export interface OpenVault {
  readonly vault: Vault
  readonly folder: string
  readonly events: VaultEvent[]
}

/** A clock that ticks a second at each look, from a fixed moment: no two entries of a test share a time. */
export function tickingClock(startMs = Date.UTC(2026, 2, 2, 8)): () => number {
  let now = startMs
  return () => (now += 1000)
}

/** Starts a vault on `folder` with cheap key derivation, and closes it after the test. */
export async function startVault(
  folder: string,
  options: {
    demo?: boolean
    nodeSecret?: Uint8Array | null
    machineId?: Uint8Array
    nowMs?: () => number
    monotonicMs?: () => number
    steadyMs?: () => number
  } = {},
): Promise<OpenVault> {
  const events: VaultEvent[] = []
  const vault = new Vault(
    (event) => events.push(event),
    options.nowMs ?? Date.now,
    options.monotonicMs,
    options.steadyMs,
  )
  const signIn = vault.signIn.bind(vault)
  vault.signIn = async (handle, pin) => {
    const practitioner = await signIn(handle, pin)
    signedIn.set(vault, handle)
    return practitioner
  }
  cleanUps.push(() => vault.close())
  const { demo = false, nodeSecret = NODE_SECRET, machineId = null } = options
  await vault.start({ dataFolder: folder, demo, nodeSecret, machineId, scryptLogN: 10 })
  return { vault, folder, events }
}

/** Who signed in, as the API thread would know it. */
const signedIn = new WeakMap<Vault, string>()

/** Handle of the practitioner who signed in last. */
export function signedInTo(vault: Vault): string {
  return signedIn.get(vault) ?? ''
}

/** The state that a vault told last. */
export function stateOf({ events }: OpenVault) {
  const state = events.findLast((event) => event.kind === 'state')
  if (state === undefined) throw new Error('the vault told no state')
  return state.state
}

/** Who works in the clinic, by handle. */
export interface Staff {
  readonly it: string
  readonly nurse: string
  readonly physician: string
  /** As printed. */
  readonly recoveryKey: string
}

/** Makes a clinic with IT, a nurse, a physician and an oximeter. Nobody is signed in afterwards. */
export async function furnish({ vault }: OpenVault): Promise<Staff> {
  const { recoveryKey } = await vault.createClinic({
    clinicName: 'Harbour Street Clinic',
    passphrase: null,
    administrator: { name: 'Ada Admin', pin: PIN },
  })
  await vault.recoveryKeyKept(recoveryKey)
  const [admin] = await vault.practitioners()
  if (admin === undefined) throw new Error('a new clinic has an administrator')
  await vault.signIn(admin.handle, PIN)
  const nurse = await vault.enrolPractitioner({ name: 'Nora Nurse', role: 'nurse', pin: PIN })
  const physician = await vault.enrolPractitioner({ name: 'Phil Physician', role: 'physician', pin: PIN })
  await vault.enrolDevice(OXIMETER, 'Ward oximeter')
  await vault.signOut()
  return { it: admin.handle, nurse: nurse.handle, physician: physician.handle, recoveryKey }
}

/** Demographics that differ from those of any other `n`. */
export function patientNumber(n: number): Omit<Patient, 'handle'> {
  return {
    familyName: `Family${n}`,
    givenName: `Given${n}`,
    birthDate: `19${String(10 + (n % 80)).padStart(2, '0')}-05-06`,
    gender: n % 2 === 0 ? 'female' : 'male',
    identifier: `MRN-${1000 + n}`,
  }
}

/** What the enrolled oximeter sent: a saturation and a pulse, as record `n` of its memory. */
export async function oximeterDrafts(
  { vault }: OpenVault,
  n: number,
  spo2 = '97',
  window: HeldDraft['draft']['window'] = null,
): Promise<HeldDraft[]> {
  const [device] = await vault.enrolments()
  const quantity = (name: string, value: string, ucum: string, unit: string) => ({
    name,
    value,
    ucum,
    unit,
    comparator: null,
    coded: null,
  })
  const measurement = {
    kind: 'spo2' as const,
    quantities: [quantity('spo2', spo2, '%', '%'), quantity('pulse', String(60 + (n % 40)), '/min', 'beats/minute')],
    deviceTime: null,
    flags: [],
    ...ORDINARY,
    recordKey: `record ${n}`,
    raw: new Uint8Array([1, 2, n % 256]),
  }
  return vault.draftsOf(OXIMETER, device ?? null, [measurement], {
    readAtMs: Date.UTC(2026, 2, 2, 9),
    deviceNow: null,
    window,
  })
}

/** Signs what the oximeter sent. */
export async function signFromDevice(open: OpenVault, handle: string, n: number): Promise<Row<Reading>[]> {
  const drafts = await oximeterDrafts(open, n)
  return open.vault.signReadings({ as: signedInTo(open.vault), handle, drafts, manual: [], late: null })
}

/** Signs typed values. */
export function signManual(
  { vault }: OpenVault,
  handle: string,
  manual: readonly ManualValue[],
): Promise<Row<Reading>[]> {
  return vault.signReadings({ as: signedInTo(vault), handle, drafts: [], manual, late: null })
}

/** Copies a closed data folder. */
export function copyOf(folder: string): string {
  const copy = temporaryFolder()
  cpSync(folder, copy, { recursive: true })
  return copy
}

/** The code that `body` fails with; null when it does not. Anything but a coded failure is an error of the test. */
export async function codeOf(body: () => unknown): Promise<string | null> {
  try {
    await body()
    return null
  } catch (error) {
    if (error instanceof CodedError) return error.code as string
    throw error
  }
}

/** The file of the database in a data folder. */
export function databaseOf(folder: string): string {
  return join(folder, 'clinic', 'ledger.db')
}
