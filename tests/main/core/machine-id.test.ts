import { expect, it } from 'vitest'
import { machineId, type MachineIdSources } from '../../../src/main/core/machine-id.ts'
import { toHex } from '../../../src/shared/bytes.ts'

const never = () => Promise.reject(new Error('not asked'))
const IOREG = `+-o J314  <class IOPlatformExpertDevice>
    {
      "IOPlatformUUID" = "0F8E1B8C-1F0B-5E0A-9C77-0A1B2C3D4E5F"
    }`
const REG = `
HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Cryptography
    MachineGuid    REG_SZ    5b0f2a7c-8a3e-4a52-9d3c-0c5f6f1f2d11
`
const SYSTEMS: readonly (readonly [NodeJS.Platform, Partial<MachineIdSources>])[] = [
  ['linux', { read: (file) => (file === '/etc/machine-id' ? Promise.resolve(`${'0a'.repeat(16)}\n`) : never()) }],
  ['darwin', { run: () => Promise.resolve(IOREG) }],
  ['win32', { run: (command) => (command.endsWith('reg.exe') ? Promise.resolve(REG) : never()) }],
]

it.each(SYSTEMS)('asks %s', async (platform, sources) => {
  const id = await machineId({ platform, read: never, run: never, ...sources })
  expect(toHex(id ?? new Uint8Array())).toMatch(/^[0-9a-f]{64}$/)
})

it('gives another mark for another computer', async () => {
  const of = (hex: string) => machineId({ platform: 'linux', read: () => Promise.resolve(hex.repeat(32)), run: never })
  expect(await of('a')).not.toEqual(await of('b'))
  expect(await of('a')).toEqual(await of('a'))
})

it('does without where there is none', async () => {
  expect(await machineId({ platform: 'linux', read: never, run: never })).toBeNull()
  expect(await machineId({ platform: 'linux', read: () => Promise.resolve('uninitialized\n'), run: never })).toBeNull()
  expect(await machineId({ platform: 'win32', read: never, run: () => Promise.resolve('ERROR') })).toBeNull()
  expect(await machineId({ platform: 'aix', read: never, run: never })).toBeNull()
})
