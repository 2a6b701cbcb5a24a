/**
 * The devices of the demonstration clinic: their serial numbers, and how they are enrolled.
 *
 * @packageDocumentation
 */
import { idsOf, rowOfFamily } from '../../../devices/driver-table.ts'
import { assert } from '../../../shared/errors.ts'
import type { DeviceOrigin } from '../vault-service.ts'

/** Serial numbers of the demonstration's devices, under which the demonstration clinic enrols them. */
export const DEMO_SERIALS = { oximeter: 'DEMO-0001', cuff: 'DEMO-0002' } as const

/** What is enrolled in a new demonstration clinic. */
export const DEMO_DEVICES: readonly {
  readonly key: keyof typeof DEMO_SERIALS
  readonly label: string
  readonly origin: DeviceOrigin
}[] = [
  { key: 'oximeter', label: 'Ward oximeter 1', origin: originOf('contec-28e9-028a', DEMO_SERIALS.oximeter) },
  { key: 'cuff', label: 'Ward cuff 1', origin: originOf('omron-0590-0028', DEMO_SERIALS.cuff) },
]

function originOf(family: string, serial: string): DeviceOrigin {
  const row = rowOfFamily(family)
  assert(row !== null, `the driver table has ${family}`)
  const { name, kinds } = row
  const { vendorId, productId } = idsOf(row)
  return {
    family,
    name,
    serial,
    port: 'demonstration',
    vendorId,
    productId,
    manufacturer: null,
    kinds,
    virtual: true,
  }
}
