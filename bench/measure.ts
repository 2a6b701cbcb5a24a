/**
 * Interleaved rounds: every arm runs once a round, and what counts is the ratio to the baseline of the same round.
 * Absolute times of a shared machine say little; ratios within a round say something.
 */

/** One thing to measure. `run` does `count` units of work. */
export interface Arm {
  readonly name: string
  readonly count: number
  run(): Promise<void> | void
}

/** Units a second of one arm, and its ratio to the first arm, as medians over the rounds. */
export interface Measured {
  readonly name: string
  readonly perSecond: number
  readonly ratio: number
  readonly spread: readonly [number, number]
}

/** Runs `rounds` rounds after one to warm up. The first arm is the baseline. */
export async function measure(title: string, arms: readonly Arm[], rounds = 7): Promise<Measured[]> {
  const speeds: number[][] = arms.map(() => [])
  for (let round = -1; round < rounds; round++) {
    for (const [i, arm] of arms.entries()) {
      const started = performance.now()
      await arm.run()
      const perSecond = (arm.count * 1000) / (performance.now() - started)
      if (round >= 0) speeds[i]?.push(perSecond)
    }
  }
  const base = speeds[0] ?? []
  const results = arms.map((arm, i) => {
    const own = speeds[i] ?? []
    const ratios = own.map((speed, round) => speed / (base[round] ?? NaN)).sort((a, b) => a - b)
    return {
      name: arm.name,
      perSecond: median(own),
      ratio: median(ratios),
      spread: [ratios[0] ?? NaN, ratios.at(-1) ?? NaN] as const,
    }
  })
  print(title, results)
  return results
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN
}

function print(title: string, results: readonly Measured[]): void {
  const lines = results.map(({ name, perSecond, ratio, spread }) => {
    const speed = perSecond >= 1000 ? `${(perSecond / 1000).toFixed(1)}k` : perSecond.toFixed(1)
    return `  ${name.padEnd(58)} ${speed.padStart(8)}/s   x ${ratio.toFixed(2)}   (${spread[0].toFixed(2)} to ${spread[1].toFixed(2)})`
  })
  process.stdout.write(`${title}\n${lines.join('\n')}\n\n`)
}
