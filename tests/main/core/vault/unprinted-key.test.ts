import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, expect, it } from 'vitest'
import { parseRecoveryKey, recoveryKeyText } from '../../../../src/main/core/vault/recovery-key.ts'
import { openSiteSecrets } from '../../../../src/main/core/vault/site-secrets.ts'
import { UNPRINTED_SECRET } from '../../../../src/main/core/vault/unprinted-key.ts'
import { toHex } from '../../../../src/shared/bytes.ts'
import { codeOf, type OpenVault, PIN, startVault, stateOf, temporaryFolder } from '../../../faults/support/clinic.ts'
import { clinicOf } from '../../../support/consent-world.ts'

let open: OpenVault
let recoveryKey: string
beforeEach(async () => {
  open = await startVault(temporaryFolder())
  const administrator = { name: 'Ada Admin', pin: PIN }
  const made = await open.vault.createClinic({ clinicName: 'Harbour Street', passphrase: null, administrator })
  recoveryKey = made.recoveryKey
})

async function signIn({ vault }: OpenVault): Promise<void> {
  const [it] = await vault.practitioners()
  await vault.signIn(it?.handle ?? '', PIN)
}

it('is shown to IT with a PIN after every start, until somebody gives it back', async () => {
  for (let n = 0; n < 2; n++) {
    await open.vault.close()
    open = await startVault(open.folder)
    expect(stateOf(open).recoveryKeyWaits).toBe(true)
    expect(await codeOf(() => open.vault.showRecoveryKey(PIN))).toBe('NOT_SIGNED_IN')
    await signIn(open)
    expect(await codeOf(() => open.vault.showRecoveryKey('9999'))).toBe('WRONG_PIN')
    expect(await open.vault.showRecoveryKey(PIN)).toEqual({ recoveryKey })
  }
  await open.vault.recoveryKeyKept(` ${recoveryKey.toLowerCase().replaceAll('-', ' ')}`)
  expect(stateOf(open).recoveryKeyWaits).toBe(false)
  expect(await open.vault.showRecoveryKey(PIN)).toEqual({ recoveryKey: null })
  await open.vault.close()
  open = await startVault(open.folder)
  expect(stateOf(open).recoveryKeyWaits).toBe(false)
})

it('stays while somebody gives back another, or a part of it', async () => {
  const { networkStart, privateKey } = parseRecoveryKey(recoveryKey)
  const other = recoveryKeyText(
    privateKey.map((byte) => byte ^ 1),
    networkStart,
  )
  for (const text of [other, recoveryKey.slice(0, -1), recoveryKey.slice(-8), ''])
    expect(await codeOf(() => open.vault.recoveryKeyKept(text))).toBe('BAD_RECOVERY_KEY')
  expect(stateOf(open).recoveryKeyWaits).toBe(true)
})

it('is shown to nobody else', async () => {
  await signIn(open)
  const { handle } = await open.vault.enrolPractitioner({ name: 'Phil Physician', role: 'physician', pin: PIN })
  await open.vault.signIn(handle, PIN)
  expect(await codeOf(() => open.vault.showRecoveryKey(PIN))).toBe('NOT_ALLOWED')
})

it('lies nowhere in the clear, and in no backup', async () => {
  const { store, identity } = clinicOf(open)
  const sealed = store.siteSecrets()
  const { secrets } = await openSiteSecrets(
    sealed ?? new Uint8Array(),
    parseRecoveryKey(recoveryKey).privateKey,
    identity.network,
  )
  expect(Object.keys(secrets)).not.toContain(UNPRINTED_SECRET)
  const key = toHex(parseRecoveryKey(recoveryKey).privateKey)
  const files = readdirSync(open.folder, { recursive: true, withFileTypes: true }).filter((one) => one.isFile())
  expect(files.length).toBeGreaterThan(10)
  for (const { parentPath, name } of files) {
    const bytes = readFileSync(join(parentPath, name))
    expect([name, bytes.includes(recoveryKey.slice(0, 17)), bytes.includes(Buffer.from(key, 'hex'))]).toEqual([
      ...[name, false, false],
    ])
  }
})

it('does not wait in a demonstration', async () => {
  await open.vault.close()
  const demo = await startVault(temporaryFolder(), { nodeSecret: null })
  await demo.vault.openDemo()
  expect(stateOf(demo)).toMatchObject({ state: 'ready', recoveryKeyWaits: false })
}, 120_000)
