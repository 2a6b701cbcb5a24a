/**
 * Patients whom another node of the network registered and erased: what this node had recorded about them is gone as well,
 * and no index of this replica leads to the entry that says so.
 *
 * @remarks
 * Copies of logs are read only when a record is missing. That their entries are in their trees has findings of its own. Proven
 * by `tests/main/core/network/two-workstations.test.ts`.
 *
 * @packageDocumentation
 */
import { decodeEntry, type Entry } from '../../../ledger/entry.ts'
import { decodeErasure } from '../../../ledger/erasure.ts'
import { splitOrigin } from '../../../ledger/names.ts'
import { isOwnHandle } from '../../../ledger/patient-handle.ts'
import { toHex } from '../../../shared/bytes.ts'
import { orNull } from '../../../sync/attempt.ts'
import type { ReplicaFile } from '../../store/open-read-only.ts'
import { nodeHasher as h } from '../hasher.ts'

/** Entries read at a time. */
const PAGE = 1024

/** See the module's comment. */
export class ErasedElsewhere {
  readonly #file: Pick<ReplicaFile, 'reader' | 'hasIndex'>
  #handles: ReadonlySet<string> | null = null

  constructor(file: Pick<ReplicaFile, 'reader' | 'hasIndex'>) {
    this.#file = file
  }

  /** Whether a copy of a log says that everything about a patient is erased whom that log registered. */
  has(subject: Uint8Array): boolean {
    this.#handles ??= this.#read()
    return this.#handles.has(toHex(subject))
  }

  #read(): ReadonlySet<string> {
    const registered = new Set<string>()
    const erased: { handle: string; log: string }[] = []
    for (const origin of this.#copies()) {
      const { log } = splitOrigin(origin)
      for (const entry of this.#entriesOf(origin)) {
        const { type, subject, fields } = entry.body
        if (subject === null) continue
        const handle = toHex(subject)
        if (type === 'patient.registered' && isOwnHandle(h, log, entry)) registered.add(`${log} ${handle}`)
        if (type === 'record.erased' && orNull(() => decodeErasure(fields))?.records === null)
          erased.push({ handle, log })
      }
    }
    return new Set(erased.flatMap(({ handle, log }) => (registered.has(`${log} ${handle}`) ? handle : [])))
  }

  #copies(): string[] {
    const { reader } = this.#file
    const origins = orNull(() => reader.logs().map(({ origin }) => origin)) ?? []
    const isCopy = (origin: string) => orNull(() => splitOrigin(origin)) !== null && !this.#file.hasIndex(origin)
    return origins.filter((origin) => orNull(() => isCopy(origin)) === true)
  }

  *#entriesOf(origin: string): Generator<Entry> {
    const { reader } = this.#file
    for (let from: number | null = 0; from !== null;) {
      const first: number = from
      const rows = orNull(() => reader.entries(origin, first, PAGE)) ?? []
      for (const { bytes } of rows) {
        const entry = orNull(() => decodeEntry(bytes))
        if (entry !== null) yield entry
      }
      const last = rows.at(-1)
      from = rows.length < PAGE || last === undefined ? null : last.index + 1
    }
  }
}
