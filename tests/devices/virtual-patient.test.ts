import fc from 'fast-check'
import { expect, it } from 'vitest'
import { createVirtualPatient, seededRandom } from '../../src/devices/virtual-patient.ts'

it('follows from the seed', () => {
  const trace = (seed: number) => {
    const patient = createVirtualPatient(seed)
    return [
      patient.pressures('2026-01-02T03:04:05', 4),
      ...[0, 5000, 90_000].map((at) => [patient.spo2(at), patient.pleth(at)]),
    ]
  }
  expect(trace(7)).toEqual(trace(7))
  expect(trace(7)).not.toEqual(trace(8))
})

it('stays within what a resting adult shows and a device can say', () => {
  fc.assert(
    fc.property(fc.integer(), fc.nat(86_400_000), (seed, at) => {
      const patient = createVirtualPatient(seed)
      expect(patient.spo2(at)).toBeGreaterThanOrEqual(94)
      expect(patient.spo2(at)).toBeLessThanOrEqual(99)
      expect(patient.heartRate(at)).toBeGreaterThanOrEqual(58)
      expect(patient.heartRate(at)).toBeLessThanOrEqual(90)
      expect(patient.pleth(at)).toBeGreaterThanOrEqual(0)
      expect(patient.pleth(at)).toBeLessThanOrEqual(127)
      expect(patient.perfusion(at)).toBeGreaterThan(200)
    }),
  )
})

it('beats as often as the rate says', () => {
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const patient = createVirtualPatient(seed)
      const high = Array.from({ length: 6000 }, (_, i) => patient.pleth(i * 10) > 85)
      const beats = high.filter((isHigh, i) => isHigh && high[i - 1] === false).length
      expect(Math.abs(beats - patient.heartRate(0))).toBeLessThanOrEqual(5)
    }),
    { numRuns: 20 },
  )
})

it('has pressures in order of time, the newest as asked, systolic well above diastolic', () => {
  fc.assert(
    fc.property(fc.integer(), fc.nat(20), (seed, count) => {
      const records = createVirtualPatient(seed).pressures('2024-03-01T00:10:00', count)
      expect(records).toHaveLength(count)
      expect(records.map(({ time }) => time)).toEqual(records.map(({ time }) => time).toSorted())
      if (count > 0) expect(records.at(-1)?.time).toBe('2024-03-01T00:10:00')
      for (const { systolic, diastolic } of records) expect(systolic - diastolic).toBeGreaterThan(25)
    }),
  )
})

it('draws numbers evenly from [0, 1)', () => {
  const random = seededRandom(1)
  const drawn = Array.from({ length: 4000 }, () => random())
  expect(drawn.every((value) => value >= 0 && value < 1)).toBe(true)
  expect(Math.abs(drawn.reduce((sum, value) => sum + value, 0) / 4000 - 0.5)).toBeLessThan(0.03)
})
