import { demoHistories, type DemoHistory, type DemoSet } from '../demo/histories.ts'
import { parseInstant } from '../../../clinical/instant.ts'
import { assert } from '../../../shared/errors.ts'
import { DEMO_STAFF } from '../demo/stories.ts'
import { DEMO_DEVICES } from '../demo/devices.ts'
import type { EnrolledDevice } from '../vault-service.ts'
import { offsetMinAt, type Clinic } from './clinic.ts'
import { Enrolments } from './enrolments.ts'
import { writeJson } from './identity.ts'
import { Patients } from './patients.ts'
import { People } from './people.ts'
import { Readings, type ReadingToSign } from './readings.ts'

/** Sign-ins of the demonstration clinic, shown on its sign-in screen. */
const DEMO_PINS = ['2580', '1470', '3690', '8520'] as const
/** The stories are the same in every demonstration clinic. */
const SEED = 20_260
/** How long before the first story the clinic's staff were enrolled. */
const LEAD_MS = 24 * 3600 * 1000

export const DEMO_PINS_SECRET = 'demo-pins'

/**
 * Fills a new clinic with staff, devices and patients with histories, every entry signed and sealed like any other.
 *
 * @param clinic - New, with block 0 only.
 */
export async function fillDemoClinic(clinic: Clinic): Promise<void> {
  const now = clinic.nowMs()
  const histories = demoHistories(SEED, { nowMs: now, offsetMin: offsetMinAt(now) })
  const firstMs = Math.min(...histories.flatMap(({ sets }) => sets.map(({ at }) => parseInstant(at).epochMs)))
  const staff = await enrolStaff(clinic, firstMs - LEAD_MS)
  await signInAs(clinic, staff, 'it')
  const devices = await enrolDevices(clinic, firstMs - LEAD_MS)
  for (const history of histories) await play(clinic, history, staff, devices)
  new People(clinic).signOut()
  await writeJson(clinic.keystore.secrets, DEMO_PINS_SECRET, [...staff.values()])
}

type Staff = ReadonlyMap<string, { handle: string; pin: string }>

async function enrolStaff(clinic: Clinic, timeMs: number): Promise<Staff> {
  const people = new People(clinic)
  const staff = new Map<string, { handle: string; pin: string }>()
  for (const [i, { key, name, role }] of DEMO_STAFF.entries()) {
    const pin = DEMO_PINS[i] ?? DEMO_PINS[0]
    const { handle } = await people.enrolAs({ name, role, pin }, timeMs)
    staff.set(key, { handle, pin })
  }
  return staff
}

async function signInAs(clinic: Clinic, staff: Staff, key: string): Promise<void> {
  const person = staff.get(key)
  assert(person !== undefined, `the demonstration staff has ${key}`)
  await new People(clinic).signIn(person.handle, person.pin)
}

async function enrolDevices(clinic: Clinic, timeMs: number): Promise<ReadonlyMap<string, EnrolledDevice>> {
  const { viewer } = clinic
  assert(viewer !== null, 'IT is signed in')
  const enrolments = new Enrolments(clinic)
  const devices = new Map<string, EnrolledDevice>()
  for (const { key, label, origin } of DEMO_DEVICES)
    devices.set(key, await enrolments.enrolAs(viewer, origin, label, timeMs))
  return devices
}

async function play(
  clinic: Clinic,
  { patient, sets }: DemoHistory,
  staff: Staff,
  devices: ReadonlyMap<string, EnrolledDevice>,
): Promise<void> {
  const patients = new Patients(clinic)
  const readings = new Readings(clinic, patients)
  let handle: string | null = null
  for (const set of sets) {
    await ensureSignedIn(clinic, staff, set.performer)
    const { viewer } = clinic
    assert(viewer !== null, 'the performer is signed in')
    const timeMs = parseInstant(set.at).epochMs
    handle ??= (await patients.registerAs(viewer, patient, timeMs)).handle
    await readings.signAs(viewer, handle, readingsOf(clinic, set, devices), timeMs)
  }
}

/** PINs are slow by design: the same performer stays signed in. */
async function ensureSignedIn(clinic: Clinic, staff: Staff, key: string): Promise<void> {
  if (clinic.viewer?.handle !== staff.get(key)?.handle) await signInAs(clinic, staff, key)
}

function readingsOf(clinic: Clinic, set: DemoSet, devices: ReadonlyMap<string, EnrolledDevice>): ReadingToSign[] {
  return set.readings.map((reading) => {
    const device = reading.device === null ? null : (devices.get(reading.device) ?? null)
    return {
      ...reading,
      id: clinic.random(16),
      measuredAt: set.at,
      method: device === null ? 'manual' : 'device',
      device: device === null ? null : { handle: device.handle, label: device.label },
      deviceTime: null,
      deviceClockOffsetS: null,
      window: null,
      raw: null,
    }
  })
}
