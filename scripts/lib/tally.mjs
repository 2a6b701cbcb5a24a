// Adds up what every check and test runner reported, and says it in the one line that counts.

/** An empty tally. */
export const emptyTally = () => ({ passed: 0, failed: [], skipped: [] })

/** Counts a check that is one test by itself. */
export function countCheck(tally, title, succeeded) {
  if (succeeded) tally.passed += 1
  else tally.failed.push(title)
}

/**
 * Counts a vitest JSON report.
 *
 * @param report - The parsed report, or null when vitest did not write one.
 * @param exitCode - Of vitest: an error outside of any test fails the run too.
 */
export function countVitest(tally, suite, report, exitCode) {
  const before = tally.failed.length
  if (report === null) tally.failed.push(`${suite}: no report`)
  for (const file of report?.testResults ?? []) countFile(tally, file)
  const counted = tally.failed.length - before
  if (exitCode !== 0 && counted === 0) tally.failed.push(`${suite}: an error outside of any test`)
  if (report !== null && (report.testResults ?? []).length === 0) tally.failed.push(`${suite}: no test ran`)
}

function countFile(tally, { name, status, assertionResults }) {
  const failedBefore = tally.failed.length
  for (const { fullName, status: outcome } of assertionResults) {
    if (outcome === 'passed') tally.passed += 1
    else if (outcome === 'failed') tally.failed.push(fullName)
    else tally.skipped.push(fullName)
  }
  // A file that could not be loaded, or whose hooks failed, has no failed test to show for it.
  if (status === 'failed' && tally.failed.length === failedBefore) tally.failed.push(name)
}

/** The lines to end with; the last one stands alone. */
export function summary({ passed, failed, skipped }) {
  return [
    ...skipped.map((title) => `skipped: ${title}`),
    ...failed.map((title) => `failed: ${title}`),
    `${passed} passed, ${failed.length} failed, ${skipped.length} skipped`,
  ]
}
