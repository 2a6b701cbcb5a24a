import { describe, expect, it } from 'vitest'
import { dataClassOf } from '../../src/clinical/data-class.ts'
import { DATA_CLASSES } from '../../src/shared/api/schemas.ts'
import { READING_KINDS } from '../../src/shared/reading-kinds.ts'

describe('kinds of data', () => {
  it.each([
    ['blood-pressure', 'vital-signs'],
    ['heart-rate', 'vital-signs'],
    ['consciousness', 'vital-signs'],
    ['weight', 'body-measures'],
    ['body-composition', 'body-measures'],
    ['glucose', 'laboratory'],
    ['sensor-glucose', 'laboratory'],
    ['ketone', 'laboratory'],
  ] as const)('%s is of %s', (kind, expected) => {
    expect(dataClassOf({ kind, method: 'manual' })).toBe(expected)
  })

  it('give every kind of reading a class that a consent can name', () => {
    for (const kind of READING_KINDS) expect(DATA_CLASSES).toContain(dataClassOf({ kind, method: 'device' }))
  })

  it('keep what the patient reported apart', () => {
    for (const kind of READING_KINDS) expect(dataClassOf({ kind, method: 'patient-reported' })).toBe('patient-reported')
  })
})
