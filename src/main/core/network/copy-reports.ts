/**
 * When to believe that two installations write the own log.
 *
 * @remarks
 * To believe it ends the log until somebody recovers it, so one site that says so must not be enough where sites may lie.
 * The copy that speaks to this node itself holds its keys: nobody else could. A link that is just dying looks like a copy
 * for a moment, so it takes several reports. Proven by `tests/main/core/network/copy-reports.test.ts`.
 *
 * @packageDocumentation
 */

/** Reports within {@link WINDOW_MS} before a copy is believed. */
const ENOUGH = 3
const WINDOW_MS = 120_000
/** Reports of one site that are remembered: it must not fill the memory. */
const MAX_OF_ONE = 8

/** See the module's comment. */
export class CopyReports {
  readonly #nowMs: () => number
  readonly #liarsAllowed: () => number
  /** Times of reports by site; by null of what this node met itself. */
  readonly #reports = new Map<string | null, number[]>()

  /**
   * @param nowMs - Only goes forward.
   * @param liarsAllowed - How many sites may lie under the roster in force.
   */
  constructor(nowMs: () => number, liarsAllowed: () => number) {
    this.#nowMs = nowMs
    this.#liarsAllowed = liarsAllowed
  }

  /**
   * Takes a report.
   *
   * @param reporter - Id of the site that says so, as the transport authenticated it; null when the copy spoke to this node.
   * @returns True when it is to be believed.
   */
  heard(reporter: string | null): boolean {
    const nowMs = this.#nowMs()
    this.#reports.set(reporter, [...(this.#reports.get(reporter) ?? []), nowMs].slice(-MAX_OF_ONE))
    for (const [site, times] of this.#reports) {
      const recent = times.filter((at) => at > nowMs - WINDOW_MS)
      if (recent.length === 0) this.#reports.delete(site)
      else this.#reports.set(site, recent)
    }
    const count = [...this.#reports.values()].reduce((sum, times) => sum + times.length, 0)
    const isWitnessed = this.#reports.has(null) || this.#reports.size > this.#liarsAllowed()
    return count >= ENOUGH && isWitnessed
  }
}
