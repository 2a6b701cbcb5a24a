import { answered, measured } from '../../src/clinical/quantity.ts'
import type { ScoredReading } from '../../src/clinical/news2.ts'
import type { Quantity, Reading } from '../../src/shared/api/schemas.ts'

/** When the ordinary set was measured. */
export const MEASURED_AT = '2026-11-20T08:14:05+01:00'

/** A set of observations as a chart of paper lists it. */
export interface Observed {
  readonly rr: string
  readonly spo2: string
  readonly o2: 'air' | 'oxygen'
  readonly sbp: string
  readonly hr: string
  readonly acvpu: 'alert' | 'confusion' | 'voice' | 'pain' | 'unresponsive'
  readonly temp: string
}

/** Scores nothing on scale 1. */
export const BASELINE: Observed = {
  rr: '16',
  spo2: '97',
  o2: 'air',
  sbp: '120',
  hr: '70',
  acvpu: 'alert',
  temp: '37.0',
}

/** A reading of one kind at a place in a log, as a chart holds it. */
export function scoredReading(quantities: Quantity[], index: number, over: Partial<Reading> = {}): ScoredReading {
  const [first] = quantities
  const reading: Reading = {
    kind: first?.name === 'systolic' ? 'blood-pressure' : 'temperature',
    quantities,
    measuredAt: MEASURED_AT,
    recordedAt: MEASURED_AT,
    method: 'manual',
    deviceLabel: null,
    flags: [],
    site: null,
    deviceTime: null,
    deviceClockOffsetS: null,
    window: null,
    setId: 'set-1',
    performer: 'Nora Nurse',
    test: false,
    ...over,
  }
  // What a vault hands in went through verification; a test states it.
  return { record: reading as ScoredReading['record'], ref: { origin: 'hillside/ward-1/1', index } }
}

/** The seven readings of a set. */
export function observedSet(over: Partial<Observed> = {}, context: Partial<Reading> = {}): ScoredReading[] {
  const { rr, spo2, o2, sbp, hr, acvpu, temp } = { ...BASELINE, ...over }
  const all = [
    [measured('respiratory-rate', rr)],
    [measured('spo2', spo2)],
    [answered('oxygen', o2)],
    [measured('systolic', sbp), measured('diastolic', '80')],
    [measured('pulse', hr)],
    [answered('consciousness', acvpu)],
    [measured('temperature', temp)],
  ]
  return all.map((quantities, index) => scoredReading(quantities, index, context))
}
