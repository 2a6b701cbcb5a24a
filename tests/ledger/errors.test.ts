import { expect, it } from 'vitest'
import { LEDGER_ERROR_CODES, LedgerError, stepOf } from '../../src/ledger/errors.ts'
import { VERIFY_STEPS } from '../../src/shared/api/codes.ts'

it('gives every code a step that a rejected row can show', () => {
  expect(LEDGER_ERROR_CODES.length).toBeGreaterThan(30)
  for (const code of LEDGER_ERROR_CODES) expect(VERIFY_STEPS).toContain(stepOf(code))
})

it('keeps code, name and cause', () => {
  const cause = new Error('below')
  const error = new LedgerError('ROOT_MISMATCH', 'detail', { cause })
  expect(error).toMatchObject({ code: 'ROOT_MISMATCH', name: 'LedgerError', message: 'detail', cause })
})
