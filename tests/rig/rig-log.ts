/** What the guest wrote down, as its host reads it. */
export interface RigCheck {
  name: string
  error: string | null
  seen: unknown
  seconds: number
}

/** What was tried in one run of the guest, by name. */
export class RigLog {
  private readonly checks: ReadonlyMap<string, RigCheck>

  /** @param json - The guest's file of results; null when it wrote none. */
  constructor(json: string | null) {
    const checks = JSON.parse(json ?? '[]') as RigCheck[]
    this.checks = new Map(checks.map((check) => [check.name, check]))
  }

  /** What a check has seen. A check that failed, or was never reached, fails the test that asks for it. */
  seen<Seen>(name: string): Seen {
    const check = this.checks.get(name)
    if (check === undefined) throw new Error(`the guest did not try "${name}"`)
    if (check.error !== null) throw new Error(`in the guest: ${check.error}`)
    return check.seen as Seen
  }
}
