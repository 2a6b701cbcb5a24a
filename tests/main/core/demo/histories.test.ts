import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { instantText, parseInstant } from '../../../../src/clinical/instant.ts'
import { judge } from '../../../../src/clinical/limits.ts'
import { encodeObservation } from '../../../../src/clinical/observation.ts'
import { encodePatient } from '../../../../src/clinical/patient.ts'
import { demoHistories, type DemoHistory } from '../../../../src/main/core/demo/histories.ts'
import { driftingNoise, seededRandom } from '../../../../src/main/core/demo/random.ts'
import { DEMO_STAFF } from '../../../../src/main/core/demo/stories.ts'
import { READING_KINDS } from '../../../../src/shared/reading-kinds.ts'
import { observationInput } from '../../../support/observations.ts'

const NOON = { nowMs: Date.UTC(2026, 10, 20, 12), offsetMin: 60 }
const readingsOf = (histories: readonly DemoHistory[]) =>
  histories.flatMap(({ sets }) => sets.flatMap(({ readings }) => readings))
const of = (name: string) => demoHistories(1, NOON).find(({ patient }) => patient.familyName === name)!
const anyClock = fc.record({
  nowMs: fc.integer({ min: Date.UTC(2024, 0), max: Date.UTC(2040, 0) }),
  offsetMin: fc.integer({ min: -720, max: 840 }),
})

describe('demonstration histories', () => {
  it('are twelve patients with 350 to 500 readings of every kind that a ward takes', () => {
    const histories = demoHistories(1, NOON)
    const readings = readingsOf(histories)
    expect(histories).toHaveLength(12)
    expect(readings.length).toBeGreaterThanOrEqual(350)
    expect(readings.length).toBeLessThanOrEqual(500)
    // Rooms have no patient; body composition, ketones and sensors are for other places.
    const elsewhere = new Set<string>(['environment', 'body-composition', 'ketone', 'sensor-glucose'])
    expect(new Set(readings.map(({ kind }) => kind))).toEqual(
      new Set(READING_KINDS.filter((kind) => !elsewhere.has(kind))),
    )
  })

  it('are the same for the same seed and clock, and others for another seed', () => {
    expect(demoHistories(7, NOON)).toEqual(demoHistories(7, NOON))
    expect(demoHistories(7, NOON)).not.toEqual(demoHistories(8, NOON))
  })

  it('can be recorded as they are, for any seed and clock', () => {
    fc.assert(
      fc.property(fc.integer(), anyClock, (seed, clock) => {
        for (const { patient, sets } of demoHistories(seed, clock)) {
          encodePatient({ ...patient, handle: 'a1'.repeat(16) }, true)
          for (const { at, readings } of sets)
            for (const { kind, quantities, technique, device, flags, site } of readings) {
              const facts = device === null ? null : { handle: 'c3'.repeat(16), label: device }
              const method = device === null ? 'manual' : 'device'
              encodeObservation(
                observationInput({
                  kind,
                  quantities,
                  technique,
                  flags: [...flags],
                  site,
                  method,
                  device: facts,
                  effective: at,
                  issued: at,
                  test: true,
                }),
              )
            }
        }
      }),
      { numRuns: 5 },
    )
  })

  it('are plausible: nothing is rejected, and what is unusual was confirmed', () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        for (const { kind, quantities, flags, device } of readingsOf(demoHistories(seed, NOON))) {
          if (quantities.some(({ value, coded }) => value === null && coded === null)) continue
          const { level, findings } = judge(kind, quantities)
          expect(level, JSON.stringify([quantities, findings])).not.toBe('reject')
          expect(flags.includes('confirmed-unusual')).toBe(level === 'confirm' && device === null)
          expect(flags.includes('unusual')).toBe(level === 'confirm' && device !== null)
        }
      }),
      { numRuns: 20 },
    )
  })

  it('lie in the past, oldest first, by the clock of the clinic', () => {
    fc.assert(
      fc.property(fc.integer(), anyClock, (seed, clock) => {
        for (const { patient, sets } of demoHistories(seed, clock)) {
          const times = sets.map(({ at }) => parseInstant(at))
          expect(times.at(-1)!.epochMs).toBeLessThan(clock.nowMs)
          expect(times.map(({ epochMs }) => epochMs)).toEqual(times.map(({ epochMs }) => epochMs).sort((a, b) => a - b))
          expect(new Set(times.map(({ offsetMin }) => offsetMin))).toEqual(new Set([clock.offsetMin]))
          expect(patient.birthDate <= sets[0]!.at.slice(0, 10)).toBe(true)
        }
      }),
      { numRuns: 50 },
    )
  })

  it('use record numbers that no clinic gives out, each once', () => {
    const numbers = demoHistories(1, NOON).map(({ patient }) => patient.identifier)
    expect(new Set(numbers).size).toBe(12)
    for (const number of numbers) expect(number).toMatch(/^9\d{6}$/)
  })

  it('know their staff', () => {
    expect(DEMO_STAFF.map(({ role }) => role).sort()).toEqual(['it', 'nurse', 'nurse', 'physician'])
    const keys = new Set(DEMO_STAFF.map(({ key }) => key))
    for (const { sets } of demoHistories(1, NOON)) for (const { performer } of sets) expect(keys).toContain(performer)
  })

  it('tell what they say they show', () => {
    const first = (name: string, kind: string) => of(name).sets[0]!.readings.find((reading) => reading.kind === kind)!
    expect(first('Saltmarsh', 'spo2')).toMatchObject({ quantities: [{ value: null }], flags: ['low-perfusion'] })
    expect(
      of('Windlestraw')
        .sets[1]!.readings.filter(({ kind }) => kind === 'heart-rate')
        .map(({ device }) => device),
    ).toEqual(['oximeter', 'cuff'])
    expect(of('Windlestraw').sets[1]!.readings[0]!.flags).toContain('irregular-pulse')
    expect(
      of('Thistledown')
        .sets.at(-1)!
        .readings.find(({ kind }) => kind === 'consciousness')!.quantities[0]!.coded,
    ).toBe('confusion')
    expect(readingsOf([of('Pepperwell')]).some(({ quantities }) => quantities[0]!.comparator === '>')).toBe(true)
    expect(
      new Set(
        readingsOf([of('Pepperwell'), of('Marrowbone')]).flatMap(({ quantities }) =>
          quantities.map(({ ucum }) => ucum),
        ),
      ),
    ).toEqual(new Set(['mg/dL', 'mmol/L', 'kg']))
    expect(first('Tumblebrook', 'weight').quantities[0]!.ucum).toBe('g')
    expect(first('Fernhollow', 'temperature').quantities[0]!.ucum).toBe('[degF]')
    expect(instantText(NOON.nowMs - 3 * 86_400_000, 60)).toMatch(new RegExp(`^${of('Tumblebrook').patient.birthDate}`))
  })
})

describe('repeatable chance', () => {
  it('gives the same numbers for the same seed, spread over the whole range', () => {
    const [a, b] = [seededRandom(5), seededRandom(5)]
    const numbers = Array.from({ length: 4000 }, () => a())
    expect(numbers).toEqual(Array.from({ length: 4000 }, () => b()))
    for (let tenth = 0; tenth < 10; tenth++) {
      const count = numbers.filter((number) => Math.floor(number * 10) === tenth).length
      expect(count).toBeGreaterThan(300)
      expect(count).toBeLessThan(500)
    }
  })
  it('drifts around zero', () => {
    const next = driftingNoise(seededRandom(5), 2)
    const steps = Array.from({ length: 4000 }, next)
    expect(Math.abs(steps.reduce((sum, step) => sum + step, 0) / steps.length)).toBeLessThan(0.3)
    expect(Math.max(...steps.map(Math.abs))).toBeLessThan(20)
  })
})
