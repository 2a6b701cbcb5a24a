import { expect, it } from 'vitest'
import { DeviceError } from '../../src/devices/errors.ts'
import { measured, offScale } from '../../src/devices/measurement.ts'

it('keeps the digits of the device, with the unit of the table', () => {
  expect(measured('glucose', '104')).toMatchObject({ value: '104', ucum: 'mg/dL', unit: 'mg/dL', comparator: null })
  expect(measured('glucose', '7.90', 'mmol/L')).toMatchObject({ value: '7.90', ucum: 'mmol/L' })
  expect(measured('systolic', null)).toMatchObject({ value: null, comparator: null })
})

it('HI and LO are a comparator with the limit of the device, or with no value at all', () => {
  expect(offScale('glucose', '500', '>')).toMatchObject({ value: '500', comparator: '>' })
  expect(offScale('glucose', null, '<', 'mmol/L')).toMatchObject({ value: null, comparator: '<', ucum: 'mmol/L' })
})

it.each(['', 'HI', '007', '1e3', 'NaN', '12,5', ' 5'])('refuses %j from a device', (value) => {
  expect(() => measured('pulse', value)).toThrow(DeviceError)
})

it('a unit that the quantity cannot have is our own mistake', () => {
  expect(() => measured('pulse', '70', 'kg')).toThrow(/unit/)
})
