import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DevicesService } from '../../../src/main/core/devices-service.ts'
import type { EnrolledDevice } from '../../../src/main/core/vault-service.ts'
import type { HubDevice } from '../../../src/main/devices/hub.ts'
import type { ApiCode } from '../../../src/shared/api/codes.ts'
import { Device } from '../../../src/shared/api/schemas.ts'
import { runs } from '../../support/budget.ts'
import { handleOf } from '../../support/fake-data.ts'

const FAMILIES = ['contec-28e9-028a', 'omron-0590-0028']

const device = (connectionId: string, family: string, serial: string | null, port: string): HubDevice => ({
  connectionId,
  family,
  name: 'A device',
  proven: 'captured',
  mode: 'live',
  memory: true,
  kinds: ['spo2'],
  serial,
  port,
  virtual: false,
  status: 'ready',
  problem: null,
})

const enrolled = (n: number, family: string, serial: string | null, port: string | null): EnrolledDevice => ({
  handle: handleOf(n),
  label: `Device ${n}`,
  family,
  serial,
  port,
})

async function service(devices: HubDevice[], enrolments: EnrolledDevice[], problem: ApiCode | null = null) {
  const told: Device[][] = []
  const vault = {
    enrolments: () => Promise.resolve([...enrolments]),
    enrolDevice: ({ family, serial, port }: { family: string; serial: string | null; port: string }, label: string) => {
      const one = { handle: handleOf(99), label, family, serial, port: serial === null ? port : null }
      enrolments.push(one)
      return Promise.resolve(one)
    },
    revokeDevice: (handle: string) => {
      enrolments.splice(0, enrolments.length, ...enrolments.filter((one) => one.handle !== handle))
      return Promise.resolve()
    },
    setCalibration: (handle: string, due: string | null) => {
      enrolments.splice(
        0,
        enrolments.length,
        ...enrolments.map((one) => (one.handle === handle && due !== null ? { ...one, calibrationDue: due } : one)),
      )
      return Promise.resolve()
    },
  }
  const hub = {
    devices: () => devices,
    stackProblem: () => problem,
    exchange: () => ({ family: 'contec-28e9-028a', capture: [] }),
  }
  const made = new DevicesService({ hub, vault, changed: (list) => told.push(list) })
  await made.loadEnrolments()
  return { made, told }
}

const labels = (made: DevicesService): (string | null)[] => made.list().map(({ enrolment }) => enrolment?.label ?? null)

const [OXI = '', CUFF = ''] = FAMILIES

describe('an enrolled device', () => {
  it.each([
    ['by its serial number, at any port', device('a', CUFF, 'S1', 'p2'), enrolled(1, CUFF, 'S1', null), 'Device 1'],
    ['not by somebody else’s serial number', device('a', CUFF, 'S2', 'p1'), enrolled(1, CUFF, 'S1', null), null],
    [
      'not by the same serial number of another family',
      device('a', OXI, 'S1', 'p1'),
      enrolled(1, CUFF, 'S1', null),
      null,
    ],
    ['by its port without a serial number', device('a', OXI, null, 'p1'), enrolled(1, OXI, null, 'p1'), 'Device 1'],
    ['not at another port without a serial number', device('a', OXI, null, 'p2'), enrolled(1, OXI, null, 'p1'), null],
    ['not by its port with a serial number', device('a', OXI, 'S1', 'p1'), enrolled(1, OXI, null, 'p1'), null],
  ])('is known %s', async (_how, plugged, known, expected) => {
    const { made } = await service([plugged], [known])
    expect(labels(made)).toEqual([expected])
  })

  it('is none of two that claim to be it', async () => {
    const { made } = await service(
      [device('a', CUFF, 'S1', 'p1'), device('b', CUFF, 'S1', 'p2')],
      [enrolled(1, CUFF, 'S1', null)],
    )
    expect(labels(made)).toEqual([null, null])
    await expect(made.enrol('a', 'Another')).rejects.toMatchObject({ code: 'DEVICE_ALREADY_ENROLLED' })
  })

  it('is never two, and never shared', async () => {
    const few = fc.constantFrom('1', '2')
    const maybe = fc.option(few)
    const devices = fc.array(fc.tuple(fc.constantFrom(...FAMILIES), maybe, few), { maxLength: 5 })
    const known = fc.array(fc.tuple(fc.constantFrom(...FAMILIES), maybe, few), { maxLength: 5 })
    await fc.assert(
      fc.asyncProperty(devices, known, async (plugged, enrolments) => {
        const { made } = await service(
          plugged.map(([family, serial, port], n) => device(`${n}`, family, serial, port)),
          enrolments.map(([family, serial, port], n) => enrolled(n, family, serial, serial === null ? port : null)),
        )
        // The slow way: everything that names a thing, counted.
        const nameOf = ([family, serial, port]: (typeof plugged)[number]): string =>
          `${family} ${serial ?? `at ${port}`}`
        const count = (list: typeof plugged, name: string): number => list.filter((one) => nameOf(one) === name).length
        const expected = plugged.map((one) => {
          const name = nameOf(one)
          const isPlain = count(plugged, name) === 1 && count(enrolments, name) === 1
          return isPlain ? `Device ${enrolments.findIndex((other) => nameOf(other) === name)}` : null
        })
        expect(labels(made)).toEqual(expected)
      }),
      { numRuns: runs(300, 20_000) },
    )
  })
})

describe('enrolling', () => {
  it('gives the device its label, and tells windows', async () => {
    const { made, told } = await service([device('a', OXI, null, 'p1')], [])
    expect(await made.enrol('a', 'Ward 3')).toMatchObject({ connectionId: 'a', enrolment: { label: 'Ward 3' } })
    expect(told.at(-1)?.map(({ enrolment }) => enrolment?.label)).toEqual(['Ward 3'])
    expect(made.find('a').enrolled).toMatchObject({ label: 'Ward 3', port: 'p1' })
  })

  it('needs the device to be plugged in', async () => {
    const { made } = await service([], [])
    await expect(made.enrol('a', 'Ward 3')).rejects.toMatchObject({ code: 'DEVICE_NOT_CONNECTED' })
    expect(() => made.find('a')).toThrow(expect.objectContaining({ code: 'DEVICE_NOT_CONNECTED' }))
  })
})

describe('an enrolment', () => {
  it('that is revoked counts no more from the moment on that it is answered', async () => {
    const { made, told } = await service([device('a', OXI, null, 'p1')], [enrolled(1, OXI, null, 'p1')])
    expect(made.find('a').enrolled).not.toBeNull()
    await made.revoke(handleOf(1), 'lost')
    expect(made.find('a').enrolled).toBeNull()
    expect(told.at(-1)?.map(({ enrolment }) => enrolment)).toEqual([null])
  })

  it('carries from which day on the calibration is due', async () => {
    const { made, told } = await service([device('a', OXI, null, 'p1')], [enrolled(1, OXI, null, 'p1')])
    await made.setCalibration(handleOf(1), '2026-12-31')
    expect(told.at(-1)?.[0]?.enrolment).toEqual({
      handle: handleOf(1),
      label: 'Device 1',
      calibrationDue: '2026-12-31',
    })
  })
})

describe('a machine on which USB cannot work', () => {
  it('shows that as a row, which is no device', async () => {
    const { made } = await service([device('a', OXI, null, 'p1')], [], 'DEVICE_STACK_MISSING')
    const rows = made.list().map((row) => Device.parse(row))
    expect(rows.map(({ status, problem, mode }) => [status, problem, mode])).toEqual([
      ['ready', null, 'live'],
      ['needs-attention', 'DEVICE_STACK_MISSING', null],
    ])
    expect(() => made.find(rows[1]!.connectionId)).toThrow(expect.objectContaining({ code: 'DEVICE_NOT_CONNECTED' }))
  })
})
