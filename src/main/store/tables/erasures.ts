import { command, query, type WritableDb } from '../database.ts'
import type { ErasureProposalRow } from '../store.ts'

/** Erasures under way. */
export class ErasureTables {
  readonly #proposals
  readonly #insertProposal
  readonly #deleteProposal
  readonly #sites
  readonly #insertSite
  readonly #deleteSite

  constructor(db: WritableDb) {
    this.#proposals = query<[], ErasureProposalRow>(
      db,
      'SELECT id, body, public_key AS publicKey, signature FROM erasure_proposal ORDER BY id',
    )
    this.#insertProposal = command<[Uint8Array, Uint8Array, Uint8Array, Uint8Array]>(
      db,
      'INSERT INTO erasure_proposal (id, body, public_key, signature) VALUES (?, ?, ?, ?)',
    )
    this.#deleteProposal = command<[Uint8Array]>(db, 'DELETE FROM erasure_proposal WHERE id = ?')
    this.#sites = query<[Uint8Array], { site: string }>(
      db,
      'SELECT site FROM erasure_site WHERE entry = ? ORDER BY site',
    )
    this.#insertSite = command<[Uint8Array, string]>(
      db,
      'INSERT OR IGNORE INTO erasure_site (entry, site) VALUES (?, ?)',
    )
    this.#deleteSite = command<[Uint8Array, string]>(db, 'DELETE FROM erasure_site WHERE entry = ? AND site = ?')
  }

  proposals(): ErasureProposalRow[] {
    return this.#proposals.all()
  }

  insertProposal({ id, body, publicKey, signature }: ErasureProposalRow): void {
    this.#insertProposal(id, body, publicKey, signature)
  }

  deleteProposal(id: Uint8Array): void {
    this.#deleteProposal(id)
  }

  sites(entry: Uint8Array): string[] {
    return this.#sites.all(entry).map(({ site }) => site)
  }

  insertSites(entry: Uint8Array, sites: readonly string[]): void {
    for (const site of sites) this.#insertSite(entry, site)
  }

  deleteSite(entry: Uint8Array, site: string): void {
    this.#deleteSite(entry, site)
  }
}
