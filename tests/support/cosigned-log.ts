/** A log in a real store, cosigned by whomever a test likes. */
import type { CosignedLog } from '../../src/main/core/vault/cosignatures.ts'
import type { Store } from '../../src/main/store/store.ts'
import { parseCheckpoint } from '../../src/ledger/checkpoint.ts'
import { type Directory, emptyDirectory } from '../../src/ledger/directory.ts'
import { nobleHasher, utf8 } from '../../src/ledger/hash.ts'
import { parseNote } from '../../src/ledger/note.ts'
import { encodeRoster, type Roster, type RosterSite } from '../../src/ledger/roster.ts'
import { policyEngine } from '../../src/main/core/policy-engine.ts'
import { addCosignature, ForkedLog } from './forked-log.ts'
import { testRoster, testSite } from './ledger-world.ts'

/** When cosignatures are made here, seconds since 1970. */
export const NOON_S = 1_767_225_660

/** Sites by number, the same in every run. */
export const siteOf = (n: number) => testSite(`test.local/s${n}`)

/** A roster of sites by number. */
export function rosterOf(...sites: readonly number[]): Roster {
  return testRoster(sites.map((n) => siteOf(n).site satisfies RosterSite))
}

/** See above. Everything before the first block of a roster belongs to it as well. */
export class CosignedTestLog implements CosignedLog {
  readonly forked = new ForkedLog()
  readonly origin = this.forked.logKey.name
  readonly log = 'test.local/forked'
  readonly logKey = this.forked.logKey.publicKey
  directory: Directory = emptyDirectory(new Uint8Array(32), policyEngine())
  head: CosignedLog['head']
  readonly trusted = {
    tree: {
      rootAt: (size: number) => this.forked.root(size),
      proveConsistency: (older: number, newer: number) => this.forked.proof(older, newer),
    },
  }
  readonly #store: Store
  #block = 0

  constructor(store: Store, roster: Roster) {
    this.#store = store
    store.addLog(this.origin, this.logKey)
    this.inForce(roster, 0)
    this.head = this.#headOf(0)
  }

  /** From entry `from` on, `roster` decides. */
  inForce(roster: Roster, from: number): void {
    const hash = nobleHasher.sha256(encodeRoster(roster))
    const rosters = [...this.directory.rosters, { from, roster, hash, signed: {} as never }]
    this.directory = { ...this.directory, rosters }
  }

  /** Seals `count` more entries into a block. */
  grow(count: number): void {
    const [firstIndex, size] = [this.head.size, this.head.size + count]
    const entries = Array.from({ length: count }, (_, i) => this.#entry(firstIndex + i))
    const previousNote = firstIndex === 0 ? null : this.head.note
    const head = this.#headOf(size)
    this.#store.append({ origin: this.origin, firstIndex, previousNote, entries, epochKeys: [] }, () => {
      return { tiles: [], block: this.#block++, size, note: head.note }
    })
    this.head = head
  }

  /** The checkpoint of `size`, cosigned by these sites. */
  cosigned(size: number, sites: readonly number[], timeS = NOON_S): string {
    return sites.reduce(
      (note, n) => addCosignature(note, `test.local/s${n}/mirror`, siteOf(n).mirror, timeS),
      this.forked.note(size),
    )
  }

  #headOf(size: number): CosignedLog['head'] {
    const note = this.forked.note(size)
    return { ...parseCheckpoint(parseNote(note).text), note }
  }

  #entry(index: number) {
    const id = nobleHasher.sha256(utf8(`id ${index}`)).slice(0, 16)
    return { id, bytes: this.forked.entry(index), type: 'reading', subject: null, payload: null }
  }
}
