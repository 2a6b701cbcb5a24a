import { describe, expect, it } from 'vitest'
import { countCheck, countVitest, emptyTally, summary } from '../../scripts/lib/tally.mjs'

const test = (fullName: string, status: string) => ({ fullName, status })
const file = (name: string, status: string, ...assertionResults: ReturnType<typeof test>[]) => ({
  name,
  status,
  assertionResults,
})

describe('the tally', () => {
  it('adds checks and tests up, names what was skipped and failed, and ends with one line', () => {
    const tally = emptyTally()
    countCheck(tally, 'lint', true)
    countCheck(tally, 'types: main', false)
    const results = [
      file(
        'a',
        'failed',
        test('a works', 'passed'),
        test('a fails', 'failed'),
        test('a rests', 'skipped'),
        test('a waits', 'todo'),
      ),
    ]
    countVitest(tally, 'unit', { testResults: results }, 1)
    expect(summary(tally)).toEqual([
      'skipped: a rests',
      'skipped: a waits',
      'failed: types: main',
      'failed: a fails',
      '2 passed, 2 failed, 2 skipped',
    ])
  })

  it('counts a file that could not be loaded as one failure', () => {
    const tally = emptyTally()
    countVitest(tally, 'unit', { testResults: [file('broken.test.ts', 'failed')] }, 1)
    expect(summary(tally)).toEqual(['failed: broken.test.ts', '0 passed, 1 failed, 0 skipped'])
  })

  it.each([
    ['no report', null, 1, 'unit: no report'],
    ['a report without tests', { testResults: [] }, 0, 'unit: no test ran'],
    [
      'an error outside of tests',
      { testResults: [file('a', 'passed', test('a', 'passed'))] },
      1,
      'unit: an error outside of any test',
    ],
  ])('never calls %s a success', (_what, report, exitCode, failure) => {
    const tally = emptyTally()
    countVitest(tally, 'unit', report, exitCode)
    expect(tally.failed).toEqual([failure])
  })
})
