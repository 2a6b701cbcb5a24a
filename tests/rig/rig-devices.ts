import { createVirtualOximeter } from '../../src/devices/virtual-contec.ts'
import type { VirtualClock, VirtualDevice } from '../../src/devices/virtual-device.ts'
import { createVirtualMonitor } from '../../src/devices/virtual-omron.ts'
import { createVirtualPatient } from '../../src/devices/virtual-patient.ts'

const SEED = 11
const NEWEST = '2026-03-04T05:06:07'

/** One virtual device for each family of the driver table; the same readings whenever it is made. */
export const RIG_DEVICES: Readonly<Record<string, (clock: VirtualClock) => VirtualDevice>> = {
  'contec-28e9-028a': (clock) => createVirtualOximeter({ clock, seed: SEED, fingerMs: [0, Infinity] }),
  'omron-0590-0028': (clock) =>
    createVirtualMonitor({
      clock,
      banks: () => [
        createVirtualPatient(SEED).pressures(NEWEST, 5),
        createVirtualPatient(SEED + 1).pressures(NEWEST, 2),
      ],
    }),
}
