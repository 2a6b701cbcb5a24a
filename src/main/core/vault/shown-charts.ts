/**
 * Charts that were shown, and when they may not be shown any longer as they are: a consent ends by its date, and that of
 * another site counts only while the site's word is fresh. Nothing is recorded then that would tell anybody.
 *
 * @remarks
 * Looked at every few seconds while somebody is signed in; a chart that changed is told, and is asked for again or closed.
 * Proven by `tests/main/core/vault/shown-charts.test.ts`.
 *
 * @packageDocumentation
 */
import type { ConsentStanding } from '../../../shared/api/consent-schemas.ts'
import type { Clinic } from './clinic.ts'

/** How long a value may stand on a screen at most after it may not, in ms. */
const LOOK_MS = 10_000
/** Charts that are looked at; the oldest are forgotten. */
const MAX_SHOWN = 32

/** See the module's comment. */
export class ShownCharts {
  readonly #clinic: Clinic
  /** What was said of each when it was shown, by handle. */
  readonly #shown = new Map<string, string>()
  #timer: NodeJS.Timeout | null = null
  #isLooking = false

  constructor(clinic: Clinic) {
    this.#clinic = clinic
  }

  /** Looks every few seconds. */
  start(): void {
    this.#timer = setInterval(() => {
      void this.#look()
    }, LOOK_MS)
    this.#timer.unref()
  }

  /** Ends looking. */
  close(): void {
    if (this.#timer !== null) clearInterval(this.#timer)
    this.#timer = null
    this.#shown.clear()
  }

  /** A chart was handed out, with this standing. */
  shown(handle: string, standing: ConsentStanding): void {
    this.#shown.delete(handle)
    this.#shown.set(handle, textOf(standing))
    const [oldest] = this.#shown.keys()
    if (this.#shown.size > MAX_SHOWN && oldest !== undefined) this.#shown.delete(oldest)
  }

  async #look(): Promise<void> {
    if (this.#isLooking) return
    this.#isLooking = true
    try {
      // Whoever left took the charts with them.
      if (this.#clinic.viewer === null) this.#shown.clear()
      for (const [handle, said] of [...this.#shown]) await this.#compare(handle, said)
    } finally {
      this.#isLooking = false
    }
  }

  async #compare(handle: string, said: string): Promise<void> {
    const now = await this.#standing(handle)
    // Shown again meanwhile, or forgotten.
    if (now === said || this.#shown.get(handle) !== said) return
    this.#shown.set(handle, now)
    this.#clinic.emit({ kind: 'chart-changed', handle })
  }

  /** What cannot be worked out is something else than what was shown: the chart is asked for again, and says why. */
  async #standing(handle: string): Promise<string> {
    const { foreign, gate } = this.#clinic
    try {
      const isForeign = foreign !== null && foreign.patient(handle) !== null
      return textOf(await (isForeign ? foreign.standing(handle) : gate.standing(handle)))
    } catch {
      return ''
    }
  }
}

/** An emergency ends by a clock of its own. */
function textOf({ state, classes, until }: ConsentStanding): string {
  return JSON.stringify([state, classes, until])
}
