import type { Draft, Patient, Practitioner, Reading, ReadingKind } from '../../src/shared/api/schemas.ts'

/** `number` as a handle of 16 bytes. */
export function handleOf(number: number): string {
  return number.toString(16).padStart(32, '0')
}

/** `number` as a hash of 32 bytes. */
export function hashOf(number: number): string {
  return (number * 2654435761).toString(16).padStart(16, '0').slice(-16).repeat(4)
}

export const PRACTITIONERS: readonly Practitioner[] = [
  { handle: handleOf(0xa1), name: 'Dr Miriam Castellane', role: 'physician' },
  { handle: handleOf(0xa2), name: 'Jonas Weatherby', role: 'nurse' },
  { handle: handleOf(0xa3), name: 'Priya Halloran', role: 'nurse' },
  { handle: handleOf(0xa4), name: 'Tomasz Underhill', role: 'it' },
  { handle: handleOf(0xa5), name: 'Ngozi Brandvold', role: 'auditor' },
]

export const PATIENTS: readonly Patient[] = [
  patient(1, 'Okafor', 'Ada', '1957-03-14', 'female', '9000017'),
  patient(2, 'Lindqvist', 'Per', '1948-11-02', 'male', '9000025'),
  patient(3, 'Marsh', 'Eleanor', '1990-06-30', 'female', '9000033'),
  patient(4, 'Abernathy-Featherstonehaugh', 'Maximilian Bartholomew', '2019-01-08', 'male', '9000041'),
  patient(5, 'Nguyen', 'Minh Anh', '2026-09-19', 'unknown', '9000058'),
]

function patient(
  n: number,
  family: string,
  given: string,
  birth: string,
  gender: Patient['gender'],
  id: string,
): Patient {
  return { handle: handleOf(n), familyName: family, givenName: given, birthDate: birth, gender, identifier: id }
}

/** Name, value, UCUM code, unit shown, coded value. */
type Part = readonly [name: string, value: string | null, ucum: string, unit: string, coded?: string]

const HOUR_MS = 3_600_000

/** One set of observations, as scripted. */
export interface ScriptedSet {
  /** Hours before now. */
  readonly hoursAgo: number
  readonly device: boolean
  readonly values: Partial<Record<ReadingKind, readonly Part[]>>
  readonly flags?: readonly string[]
}

/** Usual parts, for short scripts. */
export const part = {
  bp: (systolic: number, diastolic: number): Part[] => [
    ['systolic', `${systolic}`, 'mm[Hg]', 'mmHg'],
    ['diastolic', `${diastolic}`, 'mm[Hg]', 'mmHg'],
  ],
  pulse: (value: number): Part[] => [['pulse', `${value}`, '/min', '/min']],
  spo2: (value: number): Part[] => [['spo2', `${value}`, '%', '%']],
  temperature: (value: string): Part[] => [['temperature', value, 'Cel', '°C']],
  respiratory: (value: number): Part[] => [['respiratory-rate', `${value}`, '/min', '/min']],
  consciousness: (coded: string): Part[] => [['consciousness', null, '', '', coded]],
  air: (): Part[] => [['oxygen', null, '', '', 'air']],
  oxygen: (flow: string): Part[] => [['oxygen-flow', flow, 'L/min', 'L/min']],
  weight: (value: string): Part[] => [['weight', value, 'kg', 'kg']],
  glucose: (value: string): Part[] => [['glucose', value, 'mmol/L', 'mmol/L']],
}

/** Vitals that move around a person's own level: `hours` back to now, one set each `every` hours. */
export function history(
  hours: number,
  every: number,
  sys: number,
  dia: number,
  pulse: number,
  spo2: number,
): ScriptedSet[] {
  const sets: ScriptedSet[] = []
  for (let hoursAgo = hours, n = 0; hoursAgo >= 0.4; hoursAgo -= every, n++) {
    const drift = Math.round(6 * Math.sin(n * 1.3) + 3 * Math.sin(n * 0.37))
    sets.push({
      hoursAgo,
      device: n % 4 !== 3,
      ...(n % 7 === 5 ? { flags: ['irregular-pulse'] } : {}),
      values: {
        'blood-pressure': part.bp(sys + drift, dia + Math.round(drift / 2)),
        'heart-rate': part.pulse(pulse - Math.round(drift / 2)),
        ...(n % 5 === 2 ? {} : { spo2: part.spo2(Math.min(99, spo2 + Math.round(drift / 5))) }),
        ...(n % 2 === 0 ? { temperature: part.temperature((36.6 + drift / 20).toFixed(1)) } : {}),
        'respiratory-rate': part.respiratory(16 + Math.round(drift / 3)),
        consciousness: part.consciousness('alert'),
        oxygen: n % 6 === 4 ? part.oxygen('2') : part.air(),
        ...(n % 8 === 0 ? { weight: part.weight((71.4 - n * 0.1).toFixed(1)) } : {}),
        ...(n % 4 === 1 ? { glucose: part.glucose((5.8 + drift / 10).toFixed(1)) } : {}),
      },
    })
  }
  return sets
}

/** The readings of a scripted set. `device` kinds come from devices, the others are manual. */
export function readingsOf(set: ScriptedSet, now: number, setId: string): Reading[] {
  const at = new Date(now - set.hoursAgo * HOUR_MS).toISOString()
  return Object.entries(set.values).map(([kind, parts]): Reading => {
    const label =
      kind === 'spo2' ? 'Oximeter 2' : kind === 'blood-pressure' || kind === 'heart-rate' ? 'Cuff ward 3' : null
    const isDevice = set.device && label !== null
    return {
      kind: kind as ReadingKind,
      quantities: parts.map(([name, value, ucum, unit, coded]) => ({
        name,
        value,
        comparator: null,
        ucum,
        unit,
        coded: coded ?? null,
      })),
      measuredAt: at,
      method: isDevice ? 'device' : 'manual',
      deviceLabel: isDevice ? label : null,
      flags: kind === 'blood-pressure' ? [...(set.flags ?? [])] : [],
      site: kind === 'temperature' ? 'tympanic' : kind === 'blood-pressure' ? 'left-upper-arm' : null,
      deviceTime: isDevice && kind !== 'spo2' ? at.slice(0, 19) : null,
      deviceClockOffsetS: isDevice && kind !== 'spo2' ? 42 : null,
      window: isDevice && kind === 'spo2' ? { seconds: 8, min: '95', max: '98' } : null,
      setId,
      recordedAt: at,
      performer: set.device ? 'Jonas Weatherby' : 'Dr Miriam Castellane',
      test: true,
    }
  })
}

/** Blood pressure as a cuff's memory holds it: pressure and pulse of one measurement. */
export function cuffDraft(n: number, now: number, minutesAgo: number, alreadyRecorded = false): Draft {
  const at = new Date(now - minutesAgo * 60_000).toISOString()
  return {
    draftId: handleOf(0xd000 + n),
    alreadyRecorded,
    kind: 'blood-pressure',
    quantities: [...part.bp(128 + n, 78 + n), ...part.pulse(71 + n)].map(([name, value, ucum, unit]) => ({
      name,
      value,
      comparator: null,
      ucum,
      unit,
      coded: null,
    })),
    measuredAt: at,
    method: 'device',
    deviceLabel: 'Cuff ward 3',
    flags: n === 2 ? ['irregular-pulse'] : [],
    site: null,
    deviceTime: at.slice(0, 19),
    deviceClockOffsetS: 42,
    window: null,
  }
}
