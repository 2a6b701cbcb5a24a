/** A clinic in a temporary folder, as benchmarks need it. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { ManualValue } from '../src/shared/api/schemas.ts'
import type { Clinic } from '../src/main/core/vault/clinic.ts'
import { Vault } from '../src/main/core/vault/vault.ts'

/** Cheap PINs: a benchmark measures the ledger, not the memory-hard function. */
const SCRYPT_LOG_N = 10

/** A vault behind whose door a benchmark looks. */
class OpenedVault extends Vault {
  get clinic(): Clinic {
    return this.ready().clinic
  }
}

/** A clinic with one nurse signed in and one patient. */
export interface BenchClinic {
  readonly vault: Vault
  /** What the vault is made of. */
  readonly clinic: Clinic
  readonly folder: string
  readonly patient: string
  /** Handle of the nurse who is signed in. */
  readonly nurse: string
  /** Opens the same folder again with nothing remembered, the nurse signed in. */
  reopen(): Promise<Vault>
  remove(): void
}

/** A typed reading that passes every limit. */
export function bloodPressure(systolic: number): ManualValue {
  const pressure = (name: string, value: number) => ({ name, value: String(value), ucum: 'mm[Hg]', coded: null })
  return {
    kind: 'blood-pressure',
    quantities: [pressure('systolic', systolic), pressure('diastolic', 80)],
    site: null,
    confirmed: true,
  }
}

/** Makes the clinic. */
export async function benchClinic(): Promise<BenchClinic> {
  // On the disk of the project: a temporary folder is often memory, where a sync costs nothing.
  mkdirSync('out/bench', { recursive: true })
  const folder = mkdtempSync(join('out', 'bench', 'clinic-'))
  const passphrase = 'benchmarks only, no secret'
  const options = { dataFolder: folder, demo: false, nodeSecret: null, scryptLogN: SCRYPT_LOG_N }
  const vault = new OpenedVault(() => undefined, Date.now)
  await vault.start(options)
  await vault.createClinic({ clinicName: 'Bench', passphrase, administrator: { name: 'Ada Admin', pin: '2580' } })
  const [admin] = await vault.practitioners()
  await vault.signIn(admin?.handle ?? '', '2580')
  const nurse = await vault.enrolPractitioner({ name: 'Nell Nurse', role: 'nurse', pin: '1470' })
  await vault.signIn(nurse.handle, '1470')
  const { handle } = await vault.registerPatient({
    familyName: 'Bench',
    givenName: 'Patient',
    birthDate: '1970-01-01',
    gender: 'unknown',
    identifier: '9000001',
  })
  return {
    vault,
    clinic: vault.clinic,
    folder,
    patient: handle,
    nurse: nurse.handle,
    reopen: async () => {
      const again = new Vault(() => undefined, Date.now)
      await again.start(options)
      await again.unlock(passphrase)
      await again.signIn(nurse.handle, '1470')
      return again
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}
