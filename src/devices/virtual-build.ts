/**
 * Puts a virtual device together from its description and its firmware.
 *
 * @remarks
 * Proven by the driver tests, which run against virtual devices.
 *
 * @packageDocumentation
 */
import { noFaults, openVirtual, type VirtualClock, type VirtualDevice, type VirtualFirmware } from './virtual-device.ts'

/** What a system says about a device. */
export type VirtualDescription = Pick<VirtualDevice, 'vendorId' | 'productId' | 'product' | 'manufacturer'> &
  Partial<Pick<VirtualDevice, 'serial' | 'usage'>>

/** A firmware that speaks only when it is asked. */
export type AnsweringFirmware = Pick<VirtualFirmware, 'onOutput'> & Partial<VirtualFirmware>

/**
 * A virtual device.
 *
 * @param firmware - Makes a new one each time the device is opened.
 */
export function buildVirtual(
  description: VirtualDescription,
  clock: VirtualClock,
  firmware: (device: VirtualDevice) => AnsweringFirmware,
): VirtualDevice {
  const device: VirtualDevice = {
    serial: null,
    ...description,
    present: true,
    faults: noFaults(),
    open: () =>
      openVirtual(device, { nextAtMs: () => null, produce: () => new Uint8Array(0), ...firmware(device) }, clock),
  }
  return device
}

/** True once for each refusal that the device still owes. */
export function refuses({ faults }: VirtualDevice): boolean {
  if (faults.refusals <= 0) return false
  faults.refusals -= 1
  return true
}
