import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { LiveSample } from '../../src/devices/driver.ts'
import {
  addSample,
  EMPTY_WINDOW,
  measurementsOfWindow,
  stableSeconds,
  take,
  type StableWindow,
} from '../../src/devices/stable-window.ts'

interface Reading {
  spo2: number | null
  pulse: number | null
  finger?: boolean
  atMs?: number
}

const sampleOf = ({ spo2, pulse, finger = true, atMs }: Reading, index: number): LiveSample => ({
  atMs: atMs ?? index * 1000,
  wave: [],
  measured: true,
  spo2,
  pulse,
  perfusionIndex: '1.20',
  finger,
  raw: Uint8Array.of(0xeb, 0, 0, 0, 0, 0, 0xeb, 1, 4, (pulse ?? 127) & 127, spo2 ?? 127, 0, 0, index & 127),
})

const stateOf = (readings: readonly Reading[]) => readings.map(sampleOf).reduce(addSample, EMPTY_WINDOW)
const steady = (count: number, spo2 = 97, pulse = 70): Reading[] =>
  Array.from({ length: count }, () => ({ spo2, pulse }))

/** The slow way: try every stretch that ends now, longest first. */
function model(readings: readonly Reading[]): { seconds: number; spo2: number[]; pulse: number[] } {
  for (let from = Math.max(0, readings.length - 30); from < readings.length; from++) {
    const stretch = readings.slice(from)
    const spo2 = stretch.map((reading) => reading.spo2 ?? NaN)
    const pulse = stretch.map((reading) => reading.pulse ?? NaN)
    const isWhole = stretch.every(({ finger = true }) => finger) && ![...spo2, ...pulse].some(Number.isNaN)
    const isSteady = Math.max(...spo2) - Math.min(...spo2) <= 2 && Math.max(...pulse) - Math.min(...pulse) <= 6
    if (isWhole && isSteady) return { seconds: stretch.length, spo2, pulse }
  }
  return { seconds: 0, spo2: [], pulse: [] }
}

describe('the stable window', () => {
  it('takes five seconds', () => {
    expect(take(stateOf(steady(4)))).toBeNull()
    expect(take(stateOf(steady(5)))).toMatchObject({ seconds: 5, perfusionIndex: '1.20' })
  })

  it.each([
    ['saturation', { spo2: 99, pulse: 70 }, { spo2: 100, pulse: 70 }],
    ['pulse', { spo2: 97, pulse: 76 }, { spo2: 97, pulse: 77 }],
  ])('bears the spread of %s, and starts anew beyond it', (_, within, beyond) => {
    expect(stableSeconds(stateOf([...steady(5), within]))).toBe(6)
    expect(stableSeconds(stateOf([...steady(5), beyond]))).toBe(1)
  })

  it('ends with the finger, with a missing number, and with a gap in time', () => {
    expect(stableSeconds(stateOf([...steady(6), { spo2: null, pulse: null, finger: false }]))).toBe(0)
    expect(stableSeconds(stateOf([...steady(6), { spo2: 97, pulse: null }]))).toBe(0)
    expect(stableSeconds(stateOf([...steady(6), { spo2: 97, pulse: 70, atMs: 5000 + 2501 }]))).toBe(1)
    expect(stableSeconds(stateOf([...steady(6), { spo2: 97, pulse: 70, atMs: 5000 + 2500 }]))).toBe(7)
  })

  it('ends when a wave point says that the finger is out, before any number does', () => {
    const out = { ...sampleOf({ spo2: 97, pulse: 70 }, 6), measured: false, finger: false }
    expect(addSample(stateOf(steady(6)), out)).toBe(EMPTY_WINDOW)
  })

  it('is of the last half minute', () => {
    const state = stateOf([...steady(20, 97), ...steady(30, 98)])
    expect(take(state)).toMatchObject({ seconds: 30, spo2: { value: '98', min: '98', max: '98' } })
  })

  it('counts measurements only', () => {
    const between = { ...sampleOf({ spo2: 97, pulse: 70 }, 6), measured: false }
    expect(stableSeconds(addSample(stateOf(steady(6)), between))).toBe(6)
  })

  it('gives the median of what the device showed, with the range', () => {
    const readings = [95, 96, 97, 97, 95, 96].map((spo2, index) => ({ spo2, pulse: 70 + index }))
    expect(take(stateOf(readings))).toMatchObject({
      spo2: { value: '96', min: '95', max: '97' },
      pulse: { value: '72', min: '70', max: '75' },
    })
  })

  it('is as the slow search finds it', () => {
    const reading = fc.record({
      spo2: fc.option(fc.integer({ min: 94, max: 98 }), { freq: 15 }),
      pulse: fc.option(fc.integer({ min: 66, max: 75 }), { freq: 15 }),
      finger: fc.integer({ min: 0, max: 15 }).map((n) => n > 0),
    })
    fc.assert(
      fc.property(fc.array(reading, { maxLength: 60 }), (readings) => {
        const state = stateOf(readings)
        const expected = model(readings)
        expect(stableSeconds(state)).toBe(expected.seconds)
        const window = take(state)
        expect(window === null).toBe(expected.seconds < 5)
        if (window === null) return
        for (const name of ['spo2', 'pulse'] as const) {
          const values = expected[name].toSorted((a, b) => a - b)
          expect(expected[name].map(String)).toContain(window[name].value)
          const rank = values.filter((value) => value <= Number(window[name].value)).length
          expect(rank * 2).toBeGreaterThanOrEqual(values.length)
          expect([window[name].min, window[name].max]).toEqual([String(values[0]), String(values.at(-1))])
        }
      }),
    )
  })

  it('keeps the packets of its measurements, and these only', () => {
    const window = take(stateOf(steady(5)))
    expect(window?.raw).toHaveLength(5 * 8)
    expect(window?.raw.slice(0, 2)).toEqual(Uint8Array.of(0xeb, 1))
  })
})

describe('as measurements', () => {
  const windowOf = (count: number): StableWindow => {
    const window = take(stateOf(steady(count)))
    expect(window).not.toBeNull()
    return window!
  }

  it('is a saturation and a heart rate, under keys of their own', () => {
    const measurements = measurementsOfWindow(windowOf(6))
    expect(
      measurements.map(({ kind, quantities }) => [kind, ...quantities.map(({ name, value }) => `${name} ${value}`)]),
    ).toEqual([
      ['spo2', 'spo2 97'],
      ['heart-rate', 'pulse 70'],
    ])
    const keys = [measurementsOfWindow(windowOf(6)), measurementsOfWindow(windowOf(7))].flat().map((m) => m.recordKey)
    expect(new Set(keys).size).toBe(4)
  })
})
