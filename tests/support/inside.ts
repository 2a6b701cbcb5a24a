/** What a vault is made of, for tests that look behind what it answers. */
import type { Vault } from '../../src/main/core/vault/vault.ts'

/** @returns The parts of an open vault, as the caller knows them. */
export function insideOf<Inside>(vault: Vault): Inside {
  return (vault as unknown as { ready(): Inside }).ready()
}
