/** How two sites do over time: what the one has taken, and what memory both need. */
import { loadavg } from 'node:os'
import type { Site } from './site.ts'

/** One look. */
export interface Sample {
  readonly s: number
  /** Load average of the machine over the last minute. */
  readonly load: number
  readonly stored: number
  readonly judged: number
  readonly giver: Memory
  readonly taker: Memory
}

/** Of a process, in MB; and the seconds of processor time that it has used. */
interface Memory {
  readonly rssMb: number
  readonly heapMb: number
  readonly outsideMb: number
  readonly cpuS: number
}

const EVERY_MS = 1000

/** See the file's comment. */
export class Sampler {
  readonly samples: Sample[] = []
  readonly #look: () => Promise<Omit<Sample, 's'>>

  constructor(who: { giver: Site; taker: Site; progress: () => Promise<{ stored: number; judged: number }> }) {
    this.#look = async () => ({
      load: loadavg()[0] ?? Number.NaN,
      ...(await who.progress()),
      giver: await who.giver.vault.memory(),
      taker: await who.taker.vault.memory(),
    })
  }

  /** Looks once a second while `body` runs. */
  async during(body: () => Promise<void>): Promise<void> {
    const started = performance.now()
    const look = async () => {
      this.samples.push({ s: (performance.now() - started) / 1000, ...(await this.#look()) })
    }
    let isOver = false
    const watching = (async () => {
      while (!isOver) {
        await look()
        await new Promise((done) => setTimeout(done, EVERY_MS))
      }
    })()
    try {
      await body()
      await look()
    } finally {
      isOver = true
      await watching
    }
  }
}
