import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startCore, type Core, type CoreOptions } from '../../../src/main/core/index.ts'
import { acquireFolderLock } from '../../../src/main/store/folder-lock.ts'
import { code, first, value, window } from '../../support/core-world.ts'

/** The core as shells start it: its real vault thread, on a real folder. */
let folder: string
const running: Core[] = []
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'chartseal-core-'))
})
afterEach(async () => {
  for (const core of running.splice(0)) await core.close()
  rmSync(folder, { recursive: true, force: true })
})

async function start(changes: Partial<CoreOptions> = {}) {
  const logged: string[] = []
  const core = await startCore({
    ...{ dataFolder: folder, demo: false, shell: 'headless', nodeSecret: null, replays: [], virtualDevices: false },
    log: (line) => logged.push(line),
    ...changes,
  })
  running.push(core)
  return { core, client: window(core), logged }
}

/** Waits until a window is told of a state. */
const told = async ({ client }: Awaited<ReturnType<typeof start>>, state: string) =>
  first(await client.system.events({}), (event) => event.kind === 'status' && event.status.state === state)

describe('an empty data folder', () => {
  it('asks for a clinic, and shows no virtual devices', async () => {
    const world = await start()
    expect(await told(world, 'first-run')).toMatchObject({
      status: { shell: 'headless', dataFolder: folder, problem: null },
    })
    expect((await value(world.client.devices.list({}))).filter(({ virtual }) => virtual)).toEqual([])
    expect(await code(world.client.session.practitioners({}))).toBe('WRONG_STATE')
    expect((await value(world.client.system.about({}))).version).toMatch(/^\d+\.\d+\.\d+$/)
  })

  it('shows the demonstration’s devices when they are asked for', async () => {
    const world = await start({ virtualDevices: true })
    await told(world, 'first-run')
    const families = (await value(world.client.devices.list({})))
      .filter(({ virtual }) => virtual)
      .map(({ family }) => family)
    expect(families).toEqual(['contec-28e9-028a', 'omron-0590-0028'])
  })
})

describe('the data folder', () => {
  it('belongs to one core at a time, until that has closed', async () => {
    const { core } = await start()
    await expect(start()).rejects.toMatchObject({ code: 'DATA_FOLDER_IN_USE' })
    await core.close()
    await start()
  })

  it('is given free when the core closes, also twice', async () => {
    const { core } = await start()
    await core.close()
    await core.close()
    acquireFolderLock(folder).release()
  })

  it('that cannot be used gets a window that says so', async () => {
    // What SQLite says of a folder in which no file can be made, said here of one file.
    mkdirSync(join(folder, 'lock.db'))
    const world = await start()
    expect(await told(world, 'failed')).toMatchObject({ status: { problem: 'DATA_FOLDER_READ_ONLY' } })
    expect(await code(world.client.session.practitioners({}))).toBe('DATA_FOLDER_READ_ONLY')
    expect(world.logged).toEqual([])
  })
})

describe('a recording that cannot be replayed', () => {
  it('stops the start before the folder is taken', async () => {
    await expect(start({ replays: [{ family: 'x', file: join(folder, 'none') }] })).rejects.toThrow(/cannot replay/)
    acquireFolderLock(folder).release()
  })
})
