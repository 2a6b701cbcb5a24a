import { join } from 'node:path'
import { expect, it } from 'vitest'
import { PRESENCE_MS, presence, requirePresence } from '../../../../src/main/core/vault/presence.ts'
import type { Clinic, Viewer } from '../../../../src/main/core/vault/clinic.ts'
import { PatientIndex } from '../../../../src/main/core/vault/patient-index.ts'
import { openPractitioners } from '../../../../src/main/keystore/pin-files.ts'
import { keyPairFromSeed } from '../../../../src/main/keystore/sodium.ts'
import { codeOf, furnish, PIN, startVault, temporaryFolder } from '../../../faults/support/clinic.ts'

const HANDLE = 'ab'.repeat(16)
const SEED = new Uint8Array(32).fill(7)
const START = 1_700_000_000_000

/** Somebody signed in at 0 of the clock, with the key of `seed`. */
async function signedIn(seed = SEED) {
  const setup = { folder: join(temporaryFolder(), 'k'), pepper: () => new Uint8Array(32).fill(1), logN: 10 }
  const practitioners = openPractitioners({ ...setup, now: () => 0 })
  await practitioners.add(HANDLE, PIN, SEED)
  const { publicKey } = keyPairFromSeed(seed)
  const signer = { role: 'practitioner' as const, publicKey, sign: () => new Uint8Array(64) }
  const who = {
    handle: HANDLE,
    name: 'Nora',
    role: 'nurse' as const,
    signer,
    seen: new Set<string>(),
    index: new PatientIndex((size) => new Uint8Array(size)),
    sisters: new PatientIndex((size) => new Uint8Array(size)),
  }
  const viewer: Viewer = { ...who, presence: { provenAt: { monotonicMs: 0, wallMs: START } } }
  const clock = { now: 0, wall: START }
  const clocks = { monotonicMs: () => clock.now, nowMs: () => clock.wall }
  const parts: Pick<Clinic, 'viewer' | 'monotonicMs' | 'nowMs'> = { viewer, ...clocks }
  return { clinic: Object.assign(parts, { keystore: { practitioners } }) as unknown as Clinic, clock, viewer }
}

it('holds for five minutes and not a moment longer', async () => {
  const { clinic, clock, viewer } = await signedIn()
  clock.now = PRESENCE_MS
  expect(requirePresence(clinic)).toBe(viewer)
  clock.now += 1
  expect(await codeOf(() => requirePresence(clinic))).toBe('REAUTH_NEEDED')
  expect(await presence(clinic, PIN)).toBe(viewer)
  clock.now += PRESENCE_MS
  expect(requirePresence(clinic)).toBe(viewer)
})

it('ends while the computer sleeps, and is not prolonged by setting the clock back', async () => {
  const { clinic, clock } = await signedIn()
  clock.wall += PRESENCE_MS + 1
  expect(await codeOf(() => requirePresence(clinic))).toBe('REAUTH_NEEDED')
  await presence(clinic, PIN)
  clock.wall -= 86_400_000
  clock.now += PRESENCE_MS + 1
  expect(await codeOf(() => requirePresence(clinic))).toBe('REAUTH_NEEDED')
})

it('is not proven by a wrong PIN, which is counted', async () => {
  const { clinic, clock } = await signedIn()
  clock.now = PRESENCE_MS + 1
  for (let n = 0; n < 5; n++) expect(await codeOf(() => presence(clinic, '9999'))).toBe('WRONG_PIN')
  expect(await codeOf(() => presence(clinic, PIN))).toBe('PIN_LOCKED')
  expect(await codeOf(() => requirePresence(clinic))).toBe('REAUTH_NEEDED')
})

it('is nobody’s when somebody left while the PIN was checked, or has another key by now', async () => {
  const { clinic, viewer } = await signedIn()
  const proving = presence(clinic, PIN)
  clinic.viewer = { ...viewer }
  expect(await codeOf(() => proving)).toBe('NOT_SIGNED_IN')
  clinic.viewer = null
  expect(await codeOf(() => requirePresence(clinic))).toBe('NOT_SIGNED_IN')
  const other = await signedIn(new Uint8Array(32).fill(8))
  expect(await codeOf(() => presence(other.clinic, PIN))).toBe('NOT_SIGNED_IN')
})

it('is proven again to the vault by whoever is signed in', async () => {
  const open = await startVault(temporaryFolder())
  const staff = await furnish(open)
  expect(await codeOf(() => open.vault.reauthenticate(PIN))).toBe('NOT_SIGNED_IN')
  await open.vault.signIn(staff.nurse, PIN)
  expect(await codeOf(() => open.vault.reauthenticate('9999'))).toBe('WRONG_PIN')
  await open.vault.reauthenticate(PIN)
})
