import { equalBytes } from '../../src/shared/bytes.ts'
import type { WitnessedHead, WitnessStore } from '../../src/ledger/witness.ts'

/** A witness's memory that does what the interface asks for. */
export class MemoryWitness implements WitnessStore {
  readonly heads = new Map<string, WitnessedHead>()

  read(origin: string): WitnessedHead | null {
    return this.heads.get(origin) ?? null
  }

  replace(expected: WitnessedHead | null, next: WitnessedHead): boolean {
    const stored = this.read(next.origin)
    if (stored?.size !== expected?.size) return false
    if (stored !== null && expected !== null && !equalBytes(stored.root, expected.root)) return false
    this.heads.set(next.origin, next)
    return true
  }
}

/** One that forgets to compare before it swaps. */
export class CarelessWitness extends MemoryWitness {
  override replace(_expected: WitnessedHead | null, next: WitnessedHead): boolean {
    this.heads.set(next.origin, next)
    return true
  }
}
