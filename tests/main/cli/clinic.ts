import { join } from 'node:path'
import { expect, vi } from 'vitest'
import {
  furnish,
  type OpenVault,
  patientNumber,
  PIN,
  signFromDevice,
  signManual,
  startVault,
  temporaryFolder,
  weight,
} from '../../faults/support/clinic.ts'

/** A clinic with two patients and their readings, all final, made by the real vault, and somebody signed in. */
export async function smallClinic(): Promise<OpenVault & { database: string; network: string; origin: string }> {
  const open = await startVault(temporaryFolder())
  const staff = await furnish(open)
  await open.vault.signIn(staff.nurse, PIN)
  for (const n of [1, 2]) {
    const { handle } = await open.vault.registerPatient(patientNumber(n))
    await signManual(open, handle, [weight('71.5'), weight('72')])
    await signFromDevice(open, handle, n)
  }
  const { network, origin, size } = await open.vault.ledgerSummary()
  // The own mirror cosigns a moment after the last block.
  await vi.waitFor(() => {
    expect(open.events.findLast((event) => event.kind === 'finality')?.size).toBe(size)
  })
  return { ...open, database: join(open.folder, 'clinic', 'ledger.db'), network, origin }
}
