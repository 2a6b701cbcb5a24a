import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { inProject, pinnedNode } from '../../scripts/lib/project.mjs'
import { runInMachine } from '../../scripts/lib/rig-machine.mjs'
import { missingRig, rigFolder } from '../../scripts/lib/rig-packages.mjs'
import { DRIVER_TABLE } from '../../src/devices/driver-table.ts'
import type { HubDevice } from '../../src/main/devices/hub.ts'
import { directReadings } from './direct-readings.ts'
import type { Readings } from './guest/exchange.ts'
import { otherModels } from './guest/permissions.ts'
import { RIG_DEVICES } from './rig-devices.ts'
import { RigLog } from './rig-log.ts'

/**
 * The real hub over the real node-hid, over hidraw of a real kernel, over its USB, against the virtual devices. One
 * virtual machine tries everything; each test then looks at what was seen in it.
 */
const MISSING = missingRig()
const LIMIT_S = 300
const FAMILIES = Object.keys(RIG_DEVICES)
const CUFF = 'omron-0590-0028'
const OXIMETER = 'contec-28e9-028a'
let ended: { code: number | null; lastWords: string } = { code: null, lastWords: '' }
let log = new RigLog(null)

interface Outcome {
  code: string
  state: string
}

async function runGuest(): Promise<void> {
  const guest = inProject('tests', 'rig', 'guest', 'main.ts')
  const run = await runInMachine(`'${pinnedNode()}' '${guest}'`, {
    env: { LC_ALL: 'C', PATH: '/usr/bin:/bin', NO_COLOR: '1', RIG_USERLAND: join(rigFolder(), 'userland') },
    limitS: LIMIT_S,
    results: ['results.json'],
    onText: (text: string) => process.env.CHARTSEAL_RIG_SHOW === '1' && process.stdout.write(text),
  })
  mkdirSync(inProject('test-results'), { recursive: true })
  const head = `${run.accelerator}, ${run.seconds.toFixed(1)} s, exit code ${run.code}\n`
  writeFileSync(inProject('test-results', 'rig.log'), `${head}${run.text}\n${run.results['results.json']}\n`)
  log = new RigLog(run.results['results.json'] ?? null)
  ended = { code: run.code, lastWords: run.code === 0 ? '' : run.text.slice(-2000) }
}

/** The guest left a stream, and a measuring device, when it had seen enough. */
async function expectReadings(family: string, seen: Readings): Promise<void> {
  const direct = await directReadings(family)
  expect(seen.memory).toEqual(direct.memory)
  expect(direct.stream.slice(0, seen.stream.length)).toBe(seen.stream)
  expect(direct.spots.slice(0, seen.spots.length)).toEqual(seen.spots)
  expect(seen.memory !== null || seen.stream !== '' || seen.spots.length > 0).toBe(true)
}

const TITLE = 'devices through a real kernel'

// One line for all that cannot be tried here, and none where it can.
it.for(MISSING === null ? [] : [MISSING])(`%s: ${TITLE}`, (_missing, { skip }) => skip())

describe.for(MISSING === null ? [TITLE] : [])('%s', () => {
  beforeAll(runGuest, (LIMIT_S + 10) * 1000)

  it('come to the end of what is tried', () => {
    expect(ended).toEqual({ code: 0, lastWords: '' })
  })

  it('are of every family that there is a driver for', () => {
    expect(FAMILIES.toSorted()).toEqual(DRIVER_TABLE.map(({ family }) => family).toSorted())
  })

  describe.each(FAMILIES)('%s', (family) => {
    it('is found when it is plugged in', () => {
      expect(log.seen<HubDevice>(`${family}: plugged in`)).toMatchObject({ family, virtual: false, status: 'ready' })
    })

    it('gives the same readings through the kernel as directly, after an exchange that was given up', async () => {
      expect(log.seen(`${family}: given up in the middle`)).toBeNull()
      const seen = log.seen<Readings & { state: string }>(`${family}: exchange`)
      await expectReadings(family, seen)
      expect(seen.state).toBe('ready')
    })

    it('is given up with its reason when it is unplugged in the middle, and gone from the list', () => {
      expect(log.seen(`${family}: unplugged in the middle`)).toEqual({ code: 'UNPLUGGED' })
    })
  })

  it('stream without a gap: each sample arrives after its report, enough of them for a 99th percentile', () => {
    const { latency } = log.seen<{ latency: { count: number; medianUs: number; p99Us: number } }>(
      `${OXIMETER}: exchange`,
    )
    expect(latency.count).toBeGreaterThan(100)
    // How long it takes is the emulator's affair; the log says it.
    expect(latency.medianUs).toBeGreaterThan(0)
    expect(latency.p99Us).toBeGreaterThanOrEqual(latency.medianUs)
  })

  describe('several devices', () => {
    it('are listed side by side, identical ones under their own connections', () => {
      const seen = log.seen<{ connectionId: string; family: string }[]>('several: plugged in')
      expect(seen.map(({ family }) => family).sort()).toEqual([...FAMILIES, CUFF].sort())
      expect(new Set(seen.map(({ connectionId }) => connectionId)).size).toBe(FAMILIES.length + 1)
    })

    it.each(FAMILIES)('work after they were plugged in again, beside others: %s', async (family) => {
      const seen = log.seen<[string, Readings][]>('several: exchanges at once')
      const readings = seen.filter(([name]) => name === family)
      expect(readings).toHaveLength(family === CUFF ? 2 : 1)
      for (const [, one] of readings) await expectReadings(family, one)
    })

    it('keep working when one of two identical ones is unplugged', async () => {
      const name = 'several: one of two identical ones is unplugged'
      const { gone, readings } = log.seen<{ gone: string; readings: Readings }>(name)
      expect(gone).toBe(CUFF)
      await expectReadings(CUFF, readings)
    })

    it('leave nothing behind', () => {
      expect(log.seen('several: all unplugged')).toBeNull()
    })
  })

  describe('a bus that misbehaves', () => {
    it.each([
      ['refuses a report', 'bus: stall', { code: 'PROTOCOL', state: 'needs-attention DEVICE_PROTOCOL' }],
      ['spoils a report', 'bus: error', { code: 'PROTOCOL', state: 'needs-attention DEVICE_PROTOCOL' }],
      [
        'delivers to a device that does not answer',
        'bus: no answer',
        { code: 'SILENT', state: 'needs-attention DEVICE_SILENT' },
      ],
    ])('%s: a coded error', (_what, name, expected) => {
      expect(log.seen<Outcome>(name)).toEqual(expected)
    })

    it('never takes a report: a coded error, and the stream of another device goes on', async () => {
      const { fault, ...stream } = log.seen<Readings & { fault: Outcome }>('bus: not taken, beside a stream')
      expect(fault).toEqual({ code: 'SILENT', state: 'needs-attention DEVICE_SILENT' })
      await expectReadings(OXIMETER, stream)
    })

    it('leaves a usable device', async () => {
      const seen = log.seen<Readings & { state: string }>('bus: usable afterwards')
      await expectReadings(CUFF, seen)
      expect(seen.state).toBe('ready')
    })
  })

  describe('permissions', () => {
    const opened = (name: string): Record<string, string> => log.seen<{ opened: Record<string, string> }>(name).opened
    const all = (code: string): Record<string, string> => Object.fromEntries(FAMILIES.map((family) => [family, code]))

    it('are missing without our rules, and said so', () => {
      const seen = log.seen<Outcome>('permissions: without rules')
      expect(seen).toMatchObject({ code: 'PERMISSION', state: 'needs-attention DEVICE_PERMISSION' })
      expect(opened('permissions: without rules')).toEqual(all('PERMISSION'))
    })

    it('are given by our rules to the person at the seat, for every family', async () => {
      expect(log.seen('permissions: rules installed')).toBeNull()
      const seen = log.seen<Readings & { state: string }>('permissions: at the seat')
      await expectReadings(CUFF, seen)
      expect(seen.state).toBe('ready')
      expect(opened('permissions: at the seat')).toEqual(all('none'))
    })

    it('are given for every model of the table', () => {
      const seen = log.seen<Record<string, string>>('permissions: every id')
      expect(seen).toEqual(Object.fromEntries(otherModels().map(({ key }) => [key, 'none'])))
    })

    it('are given to nobody else', () => {
      expect(log.seen<Outcome>('permissions: somebody else').code).toBe('PERMISSION')
      expect(opened('permissions: somebody else')).toEqual(all('PERMISSION'))
    })

    it('are given at once to what is plugged in later', () => {
      expect(log.seen('permissions: plugged in later')).toBeNull()
    })
  })
})
