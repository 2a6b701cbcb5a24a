import { mkdirSync, writeFileSync } from 'node:fs'
import { beforeAll, describe, expect, it } from 'vitest'
import { inProject, pinnedNode } from '../../scripts/lib/project.mjs'
import { runInMachine } from '../../scripts/lib/rig-machine.mjs'
import { missingRig } from '../../scripts/lib/rig-packages.mjs'
import type { HubDevice } from '../../src/main/devices/hub.ts'
import { directReadings } from './direct-readings.ts'
import { RIG_DEVICES } from './rig-devices.ts'
import { RigLog } from './rig-log.ts'

/**
 * The real hub over the real node-hid, over hidraw of a real kernel, over its USB, against the virtual devices. One
 * virtual machine tries everything; each test then looks at what was seen in it.
 */
const MISSING = missingRig()
const LIMIT_S = 240
let log = new RigLog(null, '')

async function runGuest(): Promise<void> {
  const guest = inProject('tests', 'rig', 'guest', 'main.ts')
  const run = await runInMachine(`'${pinnedNode()}' '${guest}'`, {
    env: { LC_ALL: 'C', PATH: '/usr/bin:/bin', NO_COLOR: '1' },
    limitS: LIMIT_S,
    results: ['results.json'],
    onText: (text: string) => process.env.CHARTSEAL_RIG_SHOW === '1' && process.stdout.write(text),
  })
  mkdirSync(inProject('test-results'), { recursive: true })
  const head = `${run.accelerator}, ${run.seconds.toFixed(1)} s, exit code ${run.code}\n`
  writeFileSync(inProject('test-results', 'rig.log'), `${head}${run.text}\n${run.results['results.json']}\n`)
  log = new RigLog(run.results['results.json'] ?? null, run.text)
}

describe.skipIf(MISSING !== null)(`${MISSING === null ? '' : `${MISSING}: `}devices through a real kernel`, () => {
  beforeAll(runGuest, (LIMIT_S + 10) * 1000)

  describe.each(Object.keys(RIG_DEVICES))('%s', (family) => {
    it('is found when it is plugged in', () => {
      expect(log.seen<HubDevice>(`${family}: plugged in`)).toMatchObject({ family, virtual: false, status: 'ready' })
    })

    it('gives the same readings through the kernel as directly', async () => {
      const direct = await directReadings(family)
      const { memory, stream, state } = log.seen<{ memory: unknown; stream: string; state: string }>(
        `${family}: exchange`,
      )
      expect(memory).toEqual(direct.memory)
      expect(direct.stream.slice(0, stream.length)).toBe(stream)
      expect(stream.length > 0 || memory !== null).toBe(true)
      expect(state).toBe('ready')
    })

    it('is given up with its reason when it is unplugged in the middle, and gone from the list', () => {
      expect(log.seen(`${family}: unplugged in the middle`)).toEqual({ code: 'UNPLUGGED' })
    })

    it('works after it was plugged in again', async () => {
      const direct = await directReadings(family)
      const { memory, stream } = log.seen<{ memory: unknown; stream: string }>(`${family}: plugged in again`)
      expect(memory).toEqual(direct.memory)
      expect(direct.stream.slice(0, stream.length)).toBe(stream)
    })
  })
})
