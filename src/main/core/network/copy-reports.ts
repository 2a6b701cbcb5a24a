/**
 * When to believe that two installations write the own log.
 *
 * @remarks
 * To believe it ends the log until somebody recovers it, so one site that says so must not be enough where sites may lie.
 * The copy that speaks to this node itself holds its keys: nobody else could. An honest site says so only when both had
 * answered it one after the other (`src/sync/clones.ts`), so once is enough. Proven by
 * `tests/main/core/network/copy-reports.test.ts`.
 *
 * @packageDocumentation
 */

/** How long a report counts, in milliseconds: copies are told by all their peers at about the same time. */
const WINDOW_MS = 120_000

/** See the module's comment. */
export class CopyReports {
  readonly #nowMs: () => number
  readonly #liarsAllowed: () => number
  /** When each site reported last. */
  readonly #reports = new Map<string, number>()

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
    if (reporter === null) return true
    const nowMs = this.#nowMs()
    this.#reports.set(reporter, nowMs)
    for (const [site, atMs] of this.#reports) if (atMs <= nowMs - WINDOW_MS) this.#reports.delete(site)
    return this.#reports.size > this.#liarsAllowed()
  }
}
