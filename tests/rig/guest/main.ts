/** What runs in the guest: the real hub over the real node-hid, against virtual devices on this kernel's USB. */
import { DRIVER_TABLE } from '../../../src/devices/driver-table.ts'
import { RIG_DEVICES } from '../rig-devices.ts'
import { tryFamily } from './families.ts'
import { startWorld } from './world.ts'

const world = await startWorld()
for (const { family } of DRIVER_TABLE.filter((row) => row.family in RIG_DEVICES)) await tryFamily(world, family)
await world.hub.close()
world.bus.stop()
