import { expect, it } from 'vitest'
import { DRIVER_TABLE, match, rowOfFamily } from '../../src/devices/driver-table.ts'

const contec = {
  vendorId: 0x28e9,
  productId: 0x028a,
  product: 'Pulse Oximeter',
  usagePage: null,
  usage: null,
  interface: -1,
}
const omron = { vendorId: 0x0590, productId: 0x0028, product: null, usagePage: null, usage: null, interface: -1 }

it('recognises the two families', () => {
  expect(match(contec)[0]?.family).toBe('contec-28e9-028a')
  expect(match({ ...contec, product: 'Contec Pulse Oximeter' })[0]?.family).toBe('contec-28e9-028a')
  expect(match(omron)[0]?.family).toBe('omron-0590-0028')
})

it.each([null, '', 'USB Keyboard', 'Pulse Oximeter Charger', 'NotPulse Oximeter'])(
  'does not take product %j behind the shared chip-maker ids for an oximeter',
  (product) => expect(match({ ...contec, product })).toEqual([]),
)

it('does not match by vendor or product alone', () => {
  expect(match({ ...contec, productId: 1 })).toEqual([])
  expect(match({ ...omron, vendorId: 1 })).toEqual([])
})

it('finds a row by its name, and no other', () => {
  for (const row of DRIVER_TABLE) expect(rowOfFamily(row.family)).toBe(row)
  expect(rowOfFamily('__proto__')).toBeNull()
})

it('names each family once, with report lengths that HID allows', () => {
  expect(new Set(DRIVER_TABLE.map(({ family }) => family)).size).toBe(DRIVER_TABLE.length)
  for (const { reportBytes } of DRIVER_TABLE) expect(reportBytes.output).toBeLessThanOrEqual(64)
})
