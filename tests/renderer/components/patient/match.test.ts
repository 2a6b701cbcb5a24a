import { describe, expect, it } from 'vitest'
import { fits } from '../../../../src/renderer/components/patient/match.ts'

const ANNE = { familyName: 'Müller-Ōkubo', givenName: 'Anne Marie', birthDate: '1957-03-14', identifier: '9000017' }

describe('fits', () => {
  it.each([
    '',
    '  ',
    'mul',
    'MÜLLER',
    'okubo',
    'anne mü',
    'müller, anne',
    'marie',
    '9000017',
    '00017',
    '1957',
    '14-mar',
    '14-Mar-1957',
    '1957-03-14',
    'müller-ōk',
  ])('finds by %j', (text) => {
    expect(fits(ANNE, text)).toBe(true)
  })

  it.each(['uller', 'anne x', '9000018', '14-apr', 'marianne'])('does not find by %j', (text) => {
    expect(fits(ANNE, text)).toBe(false)
  })
})
