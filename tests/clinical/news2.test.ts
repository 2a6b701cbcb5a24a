import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { news2, news2Points, NEWS2_INPUTS, type News2Question, type ScoredReading } from '../../src/clinical/news2.ts'
import { answered, measured } from '../../src/clinical/quantity.ts'
import { AssessmentDraft } from '../../src/shared/api/schemas.ts'
import { BASELINE, observedSet, scoredReading, type Observed } from '../support/scored-readings.ts'

const QUESTION: News2Question = {
  birthDate: '1969-03-04',
  pregnant: false,
  scale: 1,
  at: '2026-11-20T08:20:00+01:00',
  by: 'Nora Nurse',
}
const ask = (readings: readonly ScoredReading[], over: Partial<News2Question> = {}) => {
  const draft = news2(readings, { ...QUESTION, ...over })
  expect(AssessmentDraft.parse(draft)).toEqual(draft)
  return draft
}
/** Total and band of a complete set. */
const score = (over: Partial<Observed>, scale: 1 | 2 = 1) => {
  const draft = ask(observedSet(over), { scale })
  return draft.state === 'complete' ? [draft.assessment.total, draft.assessment.band] : [draft.state]
}

describe('NEWS2', () => {
  it.each<[string, Partial<Observed>, 1 | 2, number, string]>([
    ['nothing unusual', {}, 1, 0, 'low'],
    ['RR 25', { rr: '25' }, 1, 3, 'low-medium'],
    ['RR 11', { rr: '11' }, 1, 1, 'low'],
    ['SpO2 91', { spo2: '91' }, 1, 3, 'low-medium'],
    ['SpO2 96 on oxygen', { spo2: '96', o2: 'oxygen' }, 1, 2, 'low'],
    ['scale 2: 90 on air', { spo2: '90' }, 2, 0, 'low'],
    ['scale 2: 97 on air', { spo2: '97' }, 2, 0, 'low'],
    ['scale 2: 93 on oxygen', { spo2: '93', o2: 'oxygen' }, 2, 3, 'low'],
    ['scale 2: 97 on oxygen', { spo2: '97', o2: 'oxygen' }, 2, 5, 'medium'],
    ['SBP 219', { sbp: '219' }, 1, 0, 'low'],
    ['SBP 220', { sbp: '220' }, 1, 3, 'low-medium'],
    ['38.0 °C', { temp: '38.0' }, 1, 0, 'low'],
    ['38.1 °C', { temp: '38.1' }, 1, 1, 'low'],
    ['39.1 °C', { temp: '39.1' }, 1, 2, 'low'],
    ['35.0 °C', { temp: '35.0' }, 1, 3, 'low-medium'],
    ['new confusion', { acvpu: 'confusion' }, 1, 3, 'low-medium'],
    ['three values a little off', { rr: '22', hr: '112', temp: '38.5' }, 1, 5, 'medium'],
    [
      'a very sick patient',
      { rr: '26', spo2: '93', o2: 'oxygen', sbp: '98', hr: '118', acvpu: 'confusion', temp: '39.2' },
      1,
      16,
      'high',
    ],
    [
      'everything at its worst',
      { rr: '30', spo2: '85', o2: 'oxygen', sbp: '80', hr: '140', acvpu: 'unresponsive', temp: '34' },
      1,
      20,
      'high',
    ],
  ])('published example: %s', (_, over, scale, total, band) => {
    expect(score(over, scale)).toEqual([total, band])
  })

  const AIR = { onOxygen: false, scale: 1 } as const
  it.each<[string, (typeof NEWS2_INPUTS)[number], { onOxygen: boolean; scale: 1 | 2 }, [string, number][]]>([
    [
      'respiratory rate',
      'respiratory-rate',
      AIR,
      [
        ['8', 3],
        ['9', 1],
        ['11', 1],
        ['12', 0],
        ['20', 0],
        ['21', 2],
        ['24', 2],
        ['25', 3],
      ],
    ],
    [
      'saturation, scale 1',
      'spo2',
      AIR,
      [
        ['91', 3],
        ['92', 2],
        ['93', 2],
        ['94', 1],
        ['95', 1],
        ['96', 0],
        ['100', 0],
      ],
    ],
    [
      'saturation, scale 1 on oxygen',
      'spo2',
      { onOxygen: true, scale: 1 },
      [
        ['95', 1],
        ['96', 0],
        ['97', 0],
      ],
    ],
    [
      'saturation, scale 2 on air',
      'spo2',
      { onOxygen: false, scale: 2 },
      [
        ['83', 3],
        ['84', 2],
        ['85', 2],
        ['86', 1],
        ['87', 1],
        ['88', 0],
        ['92', 0],
        ['93', 0],
        ['97', 0],
        ['100', 0],
      ],
    ],
    [
      'saturation, scale 2 on oxygen',
      'spo2',
      { onOxygen: true, scale: 2 },
      [
        ['83', 3],
        ['84', 2],
        ['85', 2],
        ['86', 1],
        ['87', 1],
        ['88', 0],
        ['92', 0],
        ['93', 1],
        ['94', 1],
        ['95', 2],
        ['96', 2],
        ['97', 3],
        ['100', 3],
      ],
    ],
    [
      'systolic pressure',
      'systolic',
      AIR,
      [
        ['90', 3],
        ['91', 2],
        ['100', 2],
        ['101', 1],
        ['110', 1],
        ['111', 0],
        ['219', 0],
        ['220', 3],
      ],
    ],
    [
      'pulse',
      'pulse',
      AIR,
      [
        ['40', 3],
        ['41', 1],
        ['50', 1],
        ['51', 0],
        ['90', 0],
        ['91', 1],
        ['110', 1],
        ['111', 2],
        ['130', 2],
        ['131', 3],
      ],
    ],
    [
      'temperature',
      'temperature',
      AIR,
      [
        ['35.0', 3],
        ['35.1', 1],
        ['36.0', 1],
        ['36.1', 0],
        ['38.0', 0],
        ['38.1', 1],
        ['39.0', 1],
        ['39.1', 2],
      ],
    ],
  ])('scores %s on both sides of every boundary', (_, name, { onOxygen, scale }, table) => {
    for (const [value, points] of table) {
      expect([value, news2Points({ name, value, coded: null, unit: '' }, scale, onOxygen)]).toEqual([value, points])
    }
  })

  it.each([
    ['alert', 0],
    ['confusion', 3],
    ['voice', 3],
    ['pain', 3],
    ['unresponsive', 3],
  ])('scores consciousness: %s', (coded, points) => {
    expect(news2Points({ name: 'consciousness', value: null, coded, unit: '' }, 1, false)).toBe(points)
  })

  it('rounds to what is shown before it looks into the table', () => {
    for (const [temp, total] of [
      ['38.04', 0],
      ['38.05', 1],
      ['35.04', 3],
      ['35.05', 1],
    ] as const) {
      expect([temp, score({ temp })[0]]).toEqual([temp, total])
    }
    expect(score({ spo2: '91.4' })[0]).toBe(3)
    expect(score({ spo2: '91.5' })[0]).toBe(2)
  })

  it.each([
    ['95.0', 3], // 35.0 °C
    ['95.1', 1], // 35.06, shown as 35.1
    ['96.8', 1], // 36.0
    ['96.9', 0], // 36.06
    ['100.4', 0], // 38.0
    ['100.5', 1], // 38.06
    ['102.2', 1], // 39.0
    ['102.3', 2], // 39.06
    ['20.0', 3], // below zero
  ])('places %s °F', (value, points) => {
    expect(news2Points({ name: 'temperature', value, coded: null, unit: '°F' }, 1, false)).toBe(points)
  })

  it('agrees with the table written a second time, for every set', () => {
    const points = (value: number, table: readonly (readonly [number, number, number])[]) =>
      table.find(([low, high]) => value >= low && value <= high)?.[2] ?? 0
    const slow = (
      o: { rr: number; spo2: number; isO2: boolean; sbp: number; hr: number; isAlert: boolean; temp10: number },
      scale: 1 | 2,
    ) => {
      const saturation =
        scale === 1
          ? points(o.spo2, [
              [0, 91, 3],
              [92, 93, 2],
              [94, 95, 1],
            ])
          : points(o.spo2, [
              [0, 83, 3],
              [84, 85, 2],
              [86, 87, 1],
              ...(o.isO2
                ? ([
                    [93, 94, 1],
                    [95, 96, 2],
                    [97, 100, 3],
                  ] as const)
                : []),
            ])
      const all = [
        points(o.rr, [
          [0, 8, 3],
          [9, 11, 1],
          [21, 24, 2],
          [25, 999, 3],
        ]),
        saturation,
        o.isO2 ? 2 : 0,
        points(o.sbp, [
          [0, 90, 3],
          [91, 100, 2],
          [101, 110, 1],
          [220, 999, 3],
        ]),
        points(o.hr, [
          [0, 40, 3],
          [41, 50, 1],
          [91, 110, 1],
          [111, 130, 2],
          [131, 999, 3],
        ]),
        o.isAlert ? 0 : 3,
        points(o.temp10, [
          [0, 350, 3],
          [351, 360, 1],
          [381, 390, 1],
          [391, 999, 2],
        ]),
      ]
      const total = all.reduce((sum, each) => sum + each, 0)
      const band = total >= 7 ? 'high' : total >= 5 ? 'medium' : all.includes(3) ? 'low-medium' : 'low'
      return [total, band]
    }
    const observed = fc.record({
      rr: fc.integer({ min: 1, max: 40 }),
      spo2: fc.integer({ min: 75, max: 100 }),
      isO2: fc.boolean(),
      sbp: fc.integer({ min: 60, max: 240 }),
      hr: fc.integer({ min: 30, max: 160 }),
      isAlert: fc.boolean(),
      temp10: fc.integer({ min: 330, max: 410 }),
    })
    fc.assert(
      fc.property(observed, fc.constantFrom(1 as const, 2 as const), (o, scale) => {
        const set = {
          rr: String(o.rr),
          spo2: String(o.spo2),
          o2: o.isO2 ? ('oxygen' as const) : ('air' as const),
          sbp: String(o.sbp),
          hr: String(o.hr),
          acvpu: o.isAlert ? ('alert' as const) : ('voice' as const),
          temp: (o.temp10 / 10).toFixed(1),
        }
        expect(score(set, scale)).toEqual(slow(o, scale))
      }),
      { numRuns: 500 },
    )
  })

  it.each(NEWS2_INPUTS.map((name, i) => [name, i] as const))('without %s there is no total', (name, i) => {
    const draft = ask(observedSet().filter((_, at) => at !== i))
    expect(draft).toMatchObject({ state: 'incomplete', missing: [name] })
    expect(draft).toHaveProperty('inputs.length', 6)
  })

  it('without any value names all seven', () => {
    expect(ask([])).toEqual({ state: 'incomplete', missing: [...NEWS2_INPUTS], inputs: [] })
  })

  it('does not place a saturation on scale 2 before it knows about the oxygen', () => {
    const without = (spo2: string) =>
      ask(
        observedSet({ spo2 }).filter((_, at) => at !== 2),
        { scale: 2 },
      )
    expect(without('95')).toMatchObject({ state: 'incomplete', missing: ['oxygen'] })
    expect(without('95')).toHaveProperty('inputs.length', 5)
    // Up to 92 % oxygen makes no difference.
    expect(without('92')).toHaveProperty('inputs.length', 6)
  })

  it.each<[string, Parameters<typeof scoredReading>[0], Parameters<typeof scoredReading>[2]]>([
    [
      'was corrected',
      [measured('pulse', '70')],
      { correction: { kind: 'amended', reason: 'Slip', by: 'N', at: QUESTION.at, ref: { origin: 'a', index: 1 } } },
    ],
    ['the patient reported', [measured('pulse', '70')], { method: 'patient-reported' }],
    ['is off the scale', [measured('pulse', '300', '/min', '>')], {}],
    ['has no number', [{ ...measured('pulse', '70'), value: null }], {}],
  ])('never scores a value that %s', (_, quantities, over) => {
    const readings = [...observedSet().filter((__, i) => i !== 4), scoredReading(quantities, 9, over)]
    expect(ask(readings)).toMatchObject({ state: 'incomplete', missing: ['pulse'] })
  })

  it('takes values of one set: within thirty minutes of the newest', () => {
    const early = (measuredAt: string) =>
      ask([scoredReading([measured('pulse', '70')], 0, { measuredAt }), ...observedSet().filter((_, i) => i !== 4)])
    expect(early('2026-11-20T07:44:05+01:00').state).toBe('complete')
    expect(early('2026-11-20T07:44:04+01:00')).toMatchObject({ state: 'incomplete', missing: ['pulse'] })
    // A newest value alone makes all others too old.
    expect(early('2026-11-20T08:44:06+01:00')).toHaveProperty('inputs.length', 1)
    // The same moment on a clock elsewhere.
    expect(early('2026-11-20T06:44:05Z').state).toBe('complete')
  })

  it('takes the newest of each value, the later entry of two at once, and oxygen rather than air', () => {
    const pulse = (value: string, index: number, measuredAt: string) =>
      scoredReading([measured('pulse', value)], index, { measuredAt })
    const set = observedSet().filter((_, i) => i !== 4)
    const picked = (...extra: ScoredReading[]) => {
      const draft = ask([...set, ...extra])
      return draft.state === 'complete' ? draft.assessment.inputs[4]?.value : draft.state
    }
    expect(picked(pulse('60', 20, '2026-11-20T08:00:00+01:00'), pulse('80', 10, '2026-11-20T08:01:00+01:00'))).toBe(
      '80',
    )
    expect(picked(pulse('60', 20, QUESTION.at), pulse('80', 10, QUESTION.at))).toBe('60')
    // Places in two logs have no order: there the time of recording says which came later.
    const elsewhere = (recordedAt: string): ScoredReading => {
      const { record } = scoredReading([measured('pulse', '90')], 2, { measuredAt: QUESTION.at, recordedAt })
      return { record, ref: { origin: 'hillside/ward-2/1', index: 2 } }
    }
    expect(picked(pulse('60', 20, QUESTION.at), elsewhere('2026-11-20T08:15:00+01:00'))).toBe('90')
    expect(picked(pulse('60', 20, QUESTION.at), elsewhere('2026-11-20T08:14:00+01:00'))).toBe('60')
    const both = ask([...observedSet(), scoredReading([measured('oxygen-flow', '2')], 1)])
    expect(both).toMatchObject({ state: 'complete', assessment: { total: 2 } })
  })

  it.each([
    [measured('oxygen-flow', '2.0'), 2],
    [measured('oxygen-concentration', '21'), 0],
    [measured('oxygen-concentration', '24'), 2],
    [answered('oxygen', 'air'), 0],
    [answered('oxygen', 'oxygen'), 2],
  ])('reads air or oxygen from %j', (quantity, total) => {
    const readings = observedSet().map((each, i) => (i === 2 ? scoredReading([quantity], 2) : each))
    expect(ask(readings)).toMatchObject({ state: 'complete', assessment: { total } })
  })

  it('is for nobody under sixteen, nor in pregnancy, nor without a birth date', () => {
    expect(ask(observedSet(), { birthDate: '2010-11-20' }).state).toBe('complete')
    expect(ask(observedSet(), { birthDate: '2010-11-21' })).toEqual({ state: 'not-applicable', why: 'under-16' })
    expect(ask(observedSet(), { birthDate: '2027-01-01' })).toEqual({ state: 'not-applicable', why: 'age-unknown' })
    expect(ask(observedSet(), { birthDate: null })).toEqual({ state: 'not-applicable', why: 'age-unknown' })
    expect(ask(observedSet(), { pregnant: true })).toEqual({ state: 'not-applicable', why: 'pregnancy' })
  })

  it('says what it rests on: values as recorded, where they stand, and the version', () => {
    const draft = ask(observedSet({ temp: '37.00' }))
    expect(draft).toMatchObject({ assessment: { ruleVersion: 'RCP 2017', by: 'Nora Nurse', at: QUESTION.at } })
    if (draft.state !== 'complete') throw new Error('complete')
    expect(draft.assessment.inputs.map(({ name }) => name)).toEqual(NEWS2_INPUTS)
    expect(draft.assessment.inputs[6]).toMatchObject({ value: '37.00', unit: '°C', ref: { index: 6 } })
    expect(BASELINE.temp).toBe('37.0')
  })
})
