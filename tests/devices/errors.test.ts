import { expect, it } from 'vitest'
import { API_CODES } from '../../src/shared/api/codes.ts'
import { apiCodeOf, DEVICE_ERROR_CODES, DeviceError } from '../../src/devices/errors.ts'

it('has an API code for every device code, a different one for each', () => {
  const codes = DEVICE_ERROR_CODES.map((code) => apiCodeOf(code))
  expect(codes.length).toBeGreaterThan(10)
  for (const code of codes) expect(API_CODES).toContain(code)
  expect(new Set(codes).size).toBe(codes.length)
})

it('carries code, message and cause', () => {
  const cause = new Error('below')
  const error = new DeviceError('CHECKSUM', 'frame 3', { cause })
  expect(error).toMatchObject({ code: 'CHECKSUM', message: 'frame 3', cause, name: 'DeviceError' })
})
