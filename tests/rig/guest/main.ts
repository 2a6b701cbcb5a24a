/** What runs in the guest: the real hub over the real node-hid, against virtual devices on this kernel's USB. */
import { RIG_DEVICES } from '../rig-devices.ts'
import { tryBusFaults } from './bus-faults.ts'
import { tryFamily } from './families.ts'
import { tryPermissions } from './permissions.ts'
import { trySeveral } from './several.ts'
import { startWorld } from './world.ts'

const world = await startWorld()
for (const family of Object.keys(RIG_DEVICES)) await tryFamily(world, family)
await trySeveral(world)
await tryBusFaults(world)
await tryPermissions(world)
await world.hub.close()
world.bus.stop()
