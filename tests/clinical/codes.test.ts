import { describe, expect, it } from 'vitest'
import { KINDS, LOINC, QUANTITIES, QUANTITY_NAMES, SITES, isQuantityName, unitRow } from '../../src/clinical/codes.ts'
import { READING_KINDS } from '../../src/shared/reading-kinds.ts'

/** LOINC check digit: the digits doubled from the right, as in the Luhn sum. */
function hasLoincCheckDigit(code: string): boolean {
  const [body = '', check] = code.split('-')
  const sum = Array.from(body)
    .reverse()
    .reduce((total, digit, i) => {
      const doubled = Number(digit) * (i % 2 === 0 ? 2 : 1)
      return total + (doubled > 9 ? doubled - 9 : doubled)
    }, 0)
  return (10 - (sum % 10)) % 10 === Number(check)
}

const codings = [
  ...QUANTITY_NAMES.flatMap((name) => {
    const { code, extra, byTechnique, units } = QUANTITIES[name]
    return [code, ...extra, ...Object.values(byTechnique ?? {}).flat(), ...units.flatMap((unit) => unit.code ?? [])]
  }),
  ...Object.values(KINDS).flatMap((kind) => kind.panel?.codes ?? []),
  ...Object.values(SITES).flatMap((site) => site.temperature ?? []),
]

describe('the code table', () => {
  it('has every kind of the API, and every quantity in exactly one kind', () => {
    expect(Object.keys(KINDS).sort()).toEqual([...READING_KINDS].sort())
    expect(
      Object.values(KINDS)
        .flatMap((kind) => kind.quantities)
        .sort(),
    ).toEqual([...QUANTITY_NAMES].sort())
    for (const name of QUANTITY_NAMES) expect(KINDS[QUANTITIES[name].kind].quantities).toContain(name)
  })
  it('has the fixed LOINC terms of R4', () => {
    const fixed = Object.fromEntries(QUANTITY_NAMES.map((name) => [name, QUANTITIES[name].code.code]))
    expect(fixed).toMatchObject({
      systolic: '8480-6',
      diastolic: '8462-4',
      pulse: '8867-4',
      spo2: '2708-6',
      temperature: '8310-5',
      'respiratory-rate': '9279-1',
      weight: '29463-7',
    })
    expect(KINDS['blood-pressure'].panel?.codes[0]?.code).toBe('85354-9')
    expect(QUANTITIES.spo2.extra.map(({ code }) => code)).toContain('59408-5')
  })
  it('has LOINC codes with a right check digit', () => {
    const codes = codings.filter(({ system }) => system === LOINC).map(({ code }) => code)
    expect(codes.length).toBeGreaterThan(15)
    for (const code of codes) expect(hasLoincCheckDigit(code), code).toBe(true)
  })
  it('has units or answers for a quantity, never both and never none', () => {
    for (const name of QUANTITY_NAMES) {
      const { units, answers } = QUANTITIES[name]
      expect(units.length > 0, name).toBe(answers.length === 0)
    }
  })
  it('keeps the units of the profiles', () => {
    const units = (name: keyof typeof QUANTITIES) => QUANTITIES[name].units.map(({ ucum }) => ucum)
    expect(units('temperature')).toEqual(['Cel', '[degF]'])
    expect(units('weight')).toEqual(['kg', 'g', '[lb_av]', '[oz_av]'])
    expect(QUANTITIES.weight.units.filter(({ outsideProfile }) => outsideProfile).map(({ ucum }) => ucum)).toEqual([
      '[oz_av]',
    ])
    expect(units('glucose')).toEqual(['mg/dL', 'mmol/L'])
  })
  it('shows no more digits than it takes', () => {
    for (const name of QUANTITY_NAMES)
      for (const unit of QUANTITIES[name].units) {
        expect(unit.decimals + (unit.finerBelow === undefined ? 0 : 1)).toBeLessThanOrEqual(unit.maxDecimals)
      }
  })
  it('names only sites that it knows', () => {
    for (const { sites } of Object.values(KINDS)) for (const site of sites) expect(SITES).toHaveProperty([site])
  })
  it('is not fooled by names that every object has', () => {
    for (const name of ['constructor', '__proto__', 'toString']) {
      expect(isQuantityName(name)).toBe(false)
      expect(unitRow(name, 'kg')).toBeNull()
    }
  })
})
