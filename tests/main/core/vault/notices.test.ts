import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { Notices } from '../../../../src/main/core/vault/notices.ts'
import {
  codeOf,
  furnish,
  type OpenVault,
  patientNumber,
  PIN,
  signManual,
  startVault,
  stateOf,
  temporaryFolder,
  weight,
} from '../../../faults/support/clinic.ts'
import { clinicOf } from '../../../support/consent-world.ts'
import { insideOf } from '../../../support/inside.ts'

const HOUR = 3600_000
const START = Date.UTC(2026, 2, 2, 8)

/** A clinic with a clock that somebody may set, beside one that nobody sets. */
async function withClocks(folder = temporaryFolder(), wall = START) {
  const clock = { wall, steady: 0 }
  const open = await startVault(folder, { nowMs: () => clock.wall, steadyMs: () => clock.steady })
  return { open, clock }
}

/** Looks at the clock now, without waiting for the next time it is looked at. */
async function look({ vault }: OpenVault): Promise<void> {
  await insideOf<{ notices: Notices }>(vault).notices.look()
}
const kindsOf = (open: OpenVault) => stateOf(open).notices.map(({ kind }) => kind)
const incidentsOf = async ({ vault }: OpenVault) => (await vault.incidents()).map(({ kind }) => kind)

it('says that the clock is behind the newest seal, records it once, and marks what is signed', async () => {
  const { open, clock } = await withClocks()
  const staff = await furnish(open)
  await open.vault.signIn(staff.nurse, PIN)
  const { handle } = await open.vault.registerPatient(patientNumber(1))
  expect(kindsOf(open)).toEqual([])
  await open.vault.close()
  const again = await withClocks(open.folder, clock.wall - HOUR)
  expect(stateOf(again.open).state).toBe('ready')
  expect(kindsOf(again.open)).toEqual(['clock-behind'])
  await again.open.vault.signIn(staff.nurse, PIN)
  expect(await incidentsOf(again.open)).toEqual(['clock.unsafe'])
  const [row] = await signManual(again.open, handle, [weight('71')])
  expect(row).toMatchObject({ status: 'verified', record: { flags: ['clock-unsafe'] } })
})

it('says that the clock jumped, and no longer once it is right again', async () => {
  const { open, clock } = await withClocks()
  const staff = await furnish(open)
  await open.vault.signIn(staff.nurse, PIN)
  const { handle } = await open.vault.registerPatient(patientNumber(1))
  clock.wall += HOUR
  // For all that the clocks say, somebody else may stand there by now.
  expect(await codeOf(() => signManual(open, handle, [weight('71')]))).toBe('REAUTH_NEEDED')
  await open.vault.signIn(staff.nurse, PIN)
  const [marked] = await signManual(open, handle, [weight('71')])
  expect(marked).toMatchObject({ record: { flags: ['clock-unsafe'] } })
  await look(open)
  await look(open)
  expect(kindsOf(open)).toEqual(['clock-jumped'])
  expect(stateOf(open).notices[0]?.since).toMatch(/^2026-03-02T/)
  expect(await incidentsOf(open)).toEqual(['clock.unsafe'])
  // Set right: but the ledger has a seal of the wrong hour by now, and says so.
  clock.wall -= HOUR
  await look(open)
  expect(kindsOf(open)).toEqual(['clock-behind'])
  clock.wall += 2 * HOUR
  clock.steady += 2 * HOUR
  await look(open)
  expect(kindsOf(open)).toEqual([])
  await open.vault.signIn(staff.nurse, PIN)
  const [plain] = await signManual(open, handle, [weight('71')])
  expect(plain).toMatchObject({ record: { flags: [] } })
})

it('says that notes do not open, and that somebody put another key beside them', async () => {
  const { open } = await withClocks()
  const staff = await furnish(open)
  const outbox = join(open.folder, 'outbox')
  await open.vault.close()
  writeFileSync(join(outbox, 'sharing-key'), `${'09'.repeat(32)}\n`)
  writeFileSync(join(outbox, `${'ab'.repeat(16)}.note`), 'sealed to somebody else')
  const again = await withClocks(open.folder, START + HOUR)
  expect(kindsOf(again.open)).toEqual(['outbox-unreadable'])
  await again.open.vault.signIn(staff.nurse, PIN)
  expect(await incidentsOf(again.open)).toEqual(['outbox.unreadable', 'outbox.key-replaced'])
})

it('says that no other site is reached once that has lasted, records it once, and no longer when one is', async () => {
  const MINUTE = 60_000
  const clock = { monotonic: 0 }
  const open = await startVault(temporaryFolder(), { nowMs: () => START, monotonicMs: () => clock.monotonic })
  const staff = await furnish(open)
  await open.vault.signIn(staff.nurse, PIN)
  let [isAlone, told] = [true, ['']]
  const heard = (notices: { kind: string }[]) => (told = notices.map(({ kind }) => kind))
  const notices = new Notices(clinicOf(open), heard, () => isAlone)
  for (const [minute, expected] of [
    [0, ['']],
    [9, ['']],
    [10, ['no-peers']],
    [25, ['no-peers']],
  ] as const) {
    clock.monotonic = minute * MINUTE
    await notices.look()
    expect(told).toEqual(expected)
  }
  expect(await incidentsOf(open)).toEqual(['peers.unreachable'])
  isAlone = false
  await notices.look()
  expect(told).toEqual([])
  // A short cut is not worth a word: it is counted from its own beginning.
  isAlone = true
  await notices.look()
  clock.monotonic += 9 * MINUTE
  await notices.look()
  expect(told).toEqual([])
})
