import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { rowOfFamily } from '../../src/devices/driver-table.ts'
import type { Measurement } from '../../src/devices/measurement.ts'
import { sharedData } from '../support/shared-data.ts'
import { bytes } from '../support/device-world.ts'

/** The short vectors of the shared data, family by family, through the records of the driver table. */
const FILE = 'device-captures/vectors.json'

interface Vector {
  family: string
  name: string
  record?: string
  report?: string
  reply?: string | string[]
  expect: Record<string, unknown>
}

const vectors = (family: string): Vector[] => {
  const { vectors: all } = JSON.parse(readFileSync(sharedData(FILE) ?? '', 'utf8')) as { vectors: Vector[] }
  return all.filter((vector) => vector.family === family)
}

const decoded = ({ family, record, report, reply }: Vector): Measurement[] => {
  const lines = [record ?? report ?? reply ?? []].flat().map(bytes)
  return rowOfFamily(family)?.records?.(lines) ?? []
}

const value = ({ quantities }: Measurement, name: string): number => {
  const digits = quantities.find((quantity) => quantity.name === name)?.value
  return digits === undefined || digits === null ? Number.NaN : Number(digits)
}

/** A pressure reading in the words of the vectors, as far as the vector has them. */
function pressureIn(measurement: Measurement, wanted: Record<string, unknown>): Record<string, unknown> {
  const { deviceTime, flags, userSlot } = measurement
  const said: Record<string, unknown> = {
    t: deviceTime?.slice(0, String(wanted.t).length),
    sys: value(measurement, 'systolic'),
    dia: value(measurement, 'diastolic'),
    pulse: value(measurement, 'pulse'),
    map: value(measurement, 'mean'),
    user: userSlot,
    irregular: flags.includes('irregular-pulse'),
    arrhythmia: flags.includes('irregular-pulse'),
    movement: flags.includes('movement'),
    // Words for people, and the number of records.
    note: wanted.note,
    count: wanted.count,
  }
  return Object.fromEntries(Object.keys(wanted).map((key) => [key, said[key]]))
}

describe.skipIf(sharedData(FILE) === null)('needs ../shared/data: published vectors', () => {
  it.each([
    ['omron-0590-0090', 3],
    ['beurer-0c45-7406', 2],
    ['contec08a-0483-5750', 7],
    ['microlife-04b4-5500', 1],
  ])('%s', (family, count) => {
    const all = vectors(family)
    expect(all).toHaveLength(count)
    for (const vector of all) {
      // One holds settings, and so no reading.
      if ('xor' in vector.expect) continue
      const wanted = (vector.expect.records as Record<string, unknown>[] | undefined) ?? [vector.expect]
      const found = decoded(vector)
      expect(found).toHaveLength(wanted.length)
      expect(found.map((one, index) => pressureIn(one, wanted[index]!))).toEqual(wanted)
    }
  })

  it('hid-weighing-8d', () => {
    const units: Record<number, string> = { 2: 'g', 3: 'kg', 11: '[oz_av]', 12: '[lb_av]' }
    const all = vectors('hid-weighing-8d')
    expect(all).toHaveLength(8)
    for (const vector of all) {
      const found = decoded(vector).map((one) => [value(one, 'weight'), one.quantities[0]?.ucum])
      const { ignore, value: weight, unit } = vector.expect
      expect(found).toEqual(ignore === true ? [] : [[weight, units[unit as number]]])
    }
  })

  it('pcsensor-temper', () => {
    const all = vectors('pcsensor-temper')
    expect(all).toHaveLength(8)
    for (const vector of all) {
      const [stick, probe] = decoded(vector)
      const { c, ext, rh } = vector.expect
      expect(value(stick!, 'room-temperature')).toBe(c)
      expect(probe === undefined ? undefined : value(probe, 'room-temperature')).toBe(ext)
      if (rh !== undefined) expect(value(stick!, 'humidity')).toBe(rh)
    }
  })

  it('beurer-bf480-04d9-8010', () => {
    const [vector] = vectors('beurer-bf480-04d9-8010') as (Vector & Record<'date' | 'time' | 'weight', string>)[]
    const place = bytes(`${vector!.weight} 0000 0000 0000 ${vector!.date} ${vector!.time}`)
    const [found] = rowOfFamily('beurer-bf480-04d9-8010')?.records?.([place]) ?? []
    expect([found?.deviceTime?.slice(0, 16), value(found!, 'weight')]).toEqual([vector!.expect.t, vector!.expect.kg])
  })
})
