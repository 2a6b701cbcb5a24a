import { type LogKey, signCheckpoint } from '../../src/ledger/checkpoint.ts'
import { cosign } from '../../src/ledger/cosignature.ts'
import { type Hasher, leafHash, nobleHasher, utf8 } from '../../src/ledger/hash.ts'
import { formatNote, parseNote } from '../../src/ledger/note.ts'
import { slowConsistency, slowRoot } from './slow-tree.ts'
import { type TestKey, testKey } from './ledger-world.ts'

/** A log that a test drives, with as many contradicting branches as it likes. */
export class ForkedLog {
  readonly key: TestKey
  readonly logKey: LogKey
  readonly #h: Hasher = nobleHasher

  /** @param keyOf - Origin whose key signs: that of another incarnation, when a test says so. */
  constructor(origin = 'test.local/forked/1', keyOf = origin) {
    this.key = testKey(`log ${keyOf}`)
    this.logKey = { name: origin, publicKey: this.key.publicKey }
  }

  /** Exact bytes of an entry: branches share everything below `at`. */
  entry(i: number, branch = 0, at = 0): Uint8Array {
    return utf8(i < at || branch === 0 ? `entry ${i}` : `entry ${i} of branch ${branch}`)
  }

  /** Leaf hashes of the first `size` entries of a branch that leaves the trunk at `at`. */
  leaves(size: number, branch = 0, at = 0): Uint8Array[] {
    return Array.from({ length: size }, (_, i) => leafHash(this.#h, this.entry(i, branch, at)))
  }

  root(size: number, branch = 0, at = 0): Uint8Array {
    return slowRoot(this.#h, this.leaves(size, branch, at))
  }

  /** Signed note of a head. */
  note(size: number, branch = 0, at = 0): string {
    return this.noteOf(size, this.root(size, branch, at))
  }

  noteOf(size: number, root: Uint8Array): string {
    return signCheckpoint({ origin: this.logKey.name, size, root }, this.logKey, (m) => this.key.sign(m))
  }

  proof(older: number, newer: number, branch = 0, at = 0): Uint8Array[] {
    return older === 0 ? [] : slowConsistency(this.#h, older, this.leaves(newer, branch, at))
  }
}

/** `note` with one more line: a cosignature of `key` under `name`. */
export function addCosignature(note: string, name: string, key: TestKey, timeS = 1_767_225_660): string {
  const { text, signatures } = parseNote(note)
  const line = cosign(text, { name, publicKey: key.publicKey }, timeS, (m) => key.sign(m))
  return formatNote(text, [...signatures, line])
}
