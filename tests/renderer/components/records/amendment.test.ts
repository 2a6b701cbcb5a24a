import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { amendmentOf, answersFor, mayAmend, partsFor } from '../../../../src/renderer/components/records/amendment.ts'
import { READING_KINDS } from '../../../../src/shared/reading-kinds.ts'
import { part } from '../../../support/fake-data.ts'
import { readingAt } from '../../../support/chart-rows.ts'

const AT = '2026-11-20T08:00:00.000Z'
const pressure = readingAt('blood-pressure', part.bp(128, 78), AT)
const temperature = readingAt('temperature', part.temperature('36.5'), AT, { site: 'tympanic' })

describe('partsFor', () => {
  it('asks for what was recorded, in its unit', () => {
    expect(partsFor(pressure)).toEqual([
      { name: 'systolic', ucum: 'mm[Hg]', unit: 'mmHg', recorded: '128' },
      { name: 'diastolic', ucum: 'mm[Hg]', unit: 'mmHg', recorded: '78' },
    ])
  })

  it('lets air become a flow of oxygen, and a flow become air', () => {
    expect(partsFor(readingAt('oxygen', part.air(), AT)).map(({ ucum }) => ucum)).toEqual(['L/min'])
    expect(answersFor(readingAt('oxygen', part.oxygen('2'), AT))).toEqual(['air', 'oxygen'])
  })

  it('does not let anybody type what a device derives', () => {
    const derived = [['body-fat', '22', '%', '%']] as unknown as ReturnType<typeof part.spo2>
    expect(mayAmend(readingAt('body-composition', derived, AT))).toBe(false)
  })
})

describe('amendmentOf', () => {
  it('gives the new value in the unit and at the site of the old', () => {
    expect(amendmentOf(temperature, ['38,6'], null, false)).toEqual({
      state: 'ready',
      value: {
        kind: 'temperature',
        quantities: [{ name: 'temperature', value: '38.6', ucum: 'Cel', coded: null }],
        site: 'tympanic',
        confirmed: false,
      },
    })
  })

  it.each([
    [['', ''], 'incomplete'],
    [['120', ''], 'incomplete'],
    [['1e2', '80'], 'not-a-number'],
    [['9999', '80'], 'rejected'],
    [['128', '78'], 'same'],
  ])('says why %j is no new value', (typed, state) => {
    expect(amendmentOf(pressure, typed, null, false)).toEqual({ state })
  })

  it('takes an unusual value only when it was confirmed', () => {
    const unusual = amendmentOf(temperature, ['41.5'], null, false)
    expect(unusual.state).toBe('unusual')
    expect(amendmentOf(temperature, ['41.5'], null, true)).toMatchObject({ state: 'ready', value: { confirmed: true } })
  })

  it('takes an answer in the place of an answer', () => {
    const alert = readingAt('consciousness', part.consciousness('alert'), AT)
    expect(amendmentOf(alert, [], 'voice', false)).toMatchObject({
      state: 'ready',
      value: { quantities: [{ name: 'consciousness', value: null, coded: 'voice' }] },
    })
    expect(amendmentOf(alert, [], 'alert', false)).toEqual({ state: 'same' })
  })

  it('never invents a quantity or a unit, whatever is typed', () => {
    const kinds = fc.constantFrom(...READING_KINDS)
    fc.assert(
      fc.property(
        kinds,
        fc.array(fc.string({ maxLength: 12 }), { maxLength: 3 }),
        fc.boolean(),
        (kind, typed, sure) => {
          const reading = { ...pressure, kind }
          const amended = amendmentOf(reading, typed, null, sure)
          if (!('value' in amended)) return
          expect(amended.value.quantities.map(({ name, ucum }) => [name, ucum])).toEqual(
            partsFor(reading).map(({ name, ucum }) => [name, ucum]),
          )
        },
      ),
    )
  })
})
