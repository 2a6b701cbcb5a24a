import { join } from 'node:path'
import { DRIVER_TABLE, match, type DriverRow, type UsbIds } from '../../../src/devices/driver-table.ts'
import { nodeHidSource } from '../../../src/main/devices/node-hid-source.ts'
import type { DeviceSource } from '../../../src/main/devices/source.ts'
import { RIG_DEVICES } from '../rig-devices.ts'
import { codeOf, exchange, readingsOf } from './exchange.ts'
import { check, until } from './results.ts'
import { startUdev } from './udev.ts'
import { plug, stateOf, type World } from './world.ts'

const AT_THE_SEAT = 1000
const SOMEBODY_ELSE = 1001
const IDS_LIMIT_MS = 30_000
const CUFF = 'omron-0590-0028'
const RULES = join(import.meta.dirname, '..', '..', '..', 'resources', 'udev', '70-chartseal.rules')

/** Does something with the rights of an ordinary user. */
async function as<Value>(uid: number, work: () => Promise<Value>): Promise<Value> {
  process.setgroups?.([])
  process.setegid?.(uid)
  process.seteuid?.(uid)
  try {
    return await work()
  } finally {
    process.seteuid?.(0)
    process.setegid?.(0)
  }
}

/** Tries to open every device that a family is known for; how that ended, by family. */
async function opened(source: DeviceSource): Promise<Record<string, string>> {
  const outcomes: Record<string, string> = {}
  for (const info of await source.list()) {
    const [row] = match(info)
    if (row === undefined) continue
    const code = await codeOf(source.open(info, row).then((transport) => transport.close()))
    outcomes[row.family] = code
  }
  return outcomes
}

const nameOf = ({ vendorId, productId }: UsbIds): string =>
  [vendorId, productId].map((id) => id.toString(16).padStart(4, '0')).join(':')

/** Models of the table under whose ids no device of the rig is. */
export function otherModels(): { row: DriverRow; ids: UsbIds; key: string }[] {
  const clock = { nowMs: () => 0, sleep: () => Promise.resolve() }
  const own = new Set(Object.values(RIG_DEVICES).map((make) => nameOf(make(clock))))
  return DRIVER_TABLE.flatMap((row) => row.ids.map((ids) => ({ row, ids, key: nameOf(ids) }))).filter(
    ({ key }) => !own.has(key),
  )
}

/** Plugs in devices under the other ids of the table, all at once, and tries to open them; the outcomes by id. */
async function openedById({ bus }: World, source: DeviceSource): Promise<Record<string, string>> {
  const models = otherModels()
  await Promise.all(models.map(({ row, ids, key }) => bus.order({ do: 'plug', key, family: row.family, ids })))
  const outcomes = new Map(models.map(({ key }) => [key, 'not listed']))
  const isDone = (): boolean => [...outcomes.values()].every((code) => code === 'none')
  // Enumeration takes its time, and rules are applied a little after a device is listed.
  await until(async () => {
    const infos = await source.list()
    for (const { row, key } of models.filter((model) => outcomes.get(model.key) !== 'none')) {
      const info = infos.find((one) => nameOf(one) === key && match(one).includes(row))
      if (info !== undefined) outcomes.set(key, await codeOf(source.open(info, row).then((one) => one.close())))
    }
    return isDone()
  }, IDS_LIMIT_MS).catch(() => undefined)
  await Promise.all(models.map(({ key }) => bus.order({ do: 'unplug', key })))
  return Object.fromEntries(outcomes)
}

/** Who may open the devices: nobody but root without our rules, the person at the seat with them. */
export async function tryPermissions(world: World): Promise<void> {
  const { hub } = world
  const source = await nodeHidSource()
  const families = Object.keys(RIG_DEVICES)
  await Promise.all(families.map((family) => world.bus.order({ do: 'plug', key: family, family })))
  await until(() => hub.devices().length === families.length)
  const device = hub.devices().find(({ family }) => family === CUFF)
  if (device === undefined) throw new Error('no cuff')
  await check('permissions: without rules', async () => {
    const code = await as(AT_THE_SEAT, () => codeOf(exchange(hub, device, 1)))
    return { code, state: stateOf(hub, device), opened: await as(AT_THE_SEAT, () => opened(source)) }
  })
  await check('permissions: rules installed', async () => {
    startUdev(RULES, AT_THE_SEAT)
    await Promise.resolve()
  })
  await check('permissions: at the seat', async () => {
    const readings = await as(AT_THE_SEAT, async () => readingsOf(await exchange(hub, device, 1)))
    return { ...readings, state: stateOf(hub, device), opened: await as(AT_THE_SEAT, () => opened(source)) }
  })
  await check('permissions: somebody else', async () => {
    const code = await as(SOMEBODY_ELSE, () => codeOf(exchange(hub, device, 1)))
    return { code, opened: await as(SOMEBODY_ELSE, () => opened(source)) }
  })
  await check('permissions: plugged in later', async () => {
    const later = await plug(world, 'later', CUFF)
    await as(AT_THE_SEAT, () => until(async () => (await codeOf(exchange(hub, later.device, 1))) === 'none'))
  })
  await Promise.all([...families, 'later'].map((key) => world.bus.order({ do: 'unplug', key })))
  await check('permissions: every id', () => as(AT_THE_SEAT, () => openedById(world, source)))
}
