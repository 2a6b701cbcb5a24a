/**
 * Deletes what other logs erased, and what other logs hold of what this one erased.
 *
 * @remarks
 * Of its own patients a log erases what it names. Everything about a patient is also what other nodes of the same site
 * recorded about them, this one among them, whenever they did: once nobody can tell who it was, no value is worth keeping.
 * Proven by `tests/main/core/network/erasure.test.ts` and `tests/main/core/network/erasure-confirmed.test.ts`.
 *
 * @packageDocumentation
 */
import type { EntryRef } from '../../../ledger/erasure.ts'
import type { ErasureLeaf } from '../../../ledger/erasure-confirmation.ts'
import { fromHex } from '../../../shared/bytes.ts'
import { orNull } from '../../../sync/attempt.ts'
import type { StoredEpochKey } from '../../store/store.ts'
import type { Chain } from './chains.ts'
import type { Clinic } from './clinic.ts'
import { erasedOf, isWhole, placeOf, refOf } from './erased-records.ts'
import { wholeErasureOf } from './erasure-entries.ts'
import type { ForeignLog } from './foreign-log.ts'
import type { ErasedTold } from './foreign-shares.ts'
import { UNPLACED } from './key-rows.ts'
import { unlessDamaged, type LogReplica } from './log-replica.ts'
import { FOREIGN_FROM } from './subject-keys.ts'

/** What of one log falls under an erasure. */
interface Holding {
  /** Records that may be held here. */
  readonly places: readonly EntryRef[]
  readonly keys: { readonly subject: Uint8Array; readonly epochs: readonly number[]; readonly logs: readonly string[] }
}

/** What a log erased of one patient. */
interface Told {
  readonly handle: string
  readonly holdings: readonly Holding[]
  /** The entries that say so. */
  readonly erasures: readonly ErasureLeaf[]
  /** Nothing of the logs is damaged here: there may be no record of the patient that is not known. */
  readonly isWhole: boolean
}

type ErasingClinic = Pick<Clinic, 'store' | 'replica' | 'identity' | 'keys'>

/** See the module's comment. */
export class ForeignErasures {
  readonly #clinic: ErasingClinic
  /** Places in the own log that another erased. */
  readonly #own = new Set<string>()
  readonly #open: ReadonlyMap<string, ForeignLog>
  /** What was deleted and may still stand in a file. */
  #marks: Uint8Array[] = []

  /** @param open - Logs as far as they were read. */
  constructor(clinic: ErasingClinic, open: ReadonlyMap<string, ForeignLog>) {
    this.#clinic = clinic
    this.#open = open
  }

  /** See `ForeignShares.eraseTold`. */
  eraseTold(isSaid: (erasure: ErasureLeaf) => boolean): ErasedTold {
    const { store, identity, keys: ownKeys } = this.#clinic
    const changed: string[] = []
    const unsaid: Told[] = []
    for (const told of this.#told()) {
      const isNew = told.erasures.some((erasure) => !isSaid(erasure))
      const isGone = this.#isLeft(told) !== true
      // Confirmed is only what was also deleted from quarantine, in which nobody looks.
      if (isGone && !isNew) continue
      const { handle } = told
      for (const { places, keys } of told.holdings) {
        this.#marks.push(...store.eraseRecords({ records: places, keys }).marks)
        if (keys.logs.includes(identity.log)) ownKeys.forget(keys.subject, keys.epochs)
      }
      if (!isGone) changed.push(handle)
      if (isNew) unsaid.push(told)
    }
    // Also without marks: a crash may have come between the deletion and this.
    const isComplete = (this.#marks.length === 0 && unsaid.length === 0) || store.forgetErased(this.#marks)
    if (!isComplete) return { changed, isComplete, gone: [] }
    this.#marks = []
    // What cannot be read is not known to be gone.
    const gone = unsaid.filter((told) => told.isWhole && this.#isLeft(told) === false)
    return { changed, isComplete, gone: gone.flatMap(({ erasures }) => erasures) }
  }

  /** Whether the record of an entry of the own log was erased by another. */
  isErased(place: EntryRef): boolean {
    return this.#own.has(placeOf(place))
  }

  /** What the logs of others erase of the patients that they registered, and what is held of what the own log erased. */
  *#told(): Generator<Told> {
    const { store, replica: own, identity } = this.#clinic
    for (const foreign of this.#open.values()) {
      for (const handle of foreign.chains.subjectsWith('record.erased')) {
        // Of a patient whom another log registered, a log may erase nothing. Neither what this site wrote about theirs.
        if (!foreign.registered.has(handle)) continue
        const { name, logs, chains } = foreign
        const replica = { chain: (of: string) => chains.of(of) }
        const { subject, places, epochs: named, erasures } = erasedOf({ replica, store }, handle, FOREIGN_FROM - 1)
        // What this site wrote itself has later epochs: whatever the log says of those, it does not speak for them.
        const epochs = named.filter((epoch) => epoch < FOREIGN_FROM)
        const parts = erasures.some(isWhole) ? this.#partsOf(handle, foreign) : []
        for (const { places: erased } of parts.filter((part) => part.name === identity.log))
          for (const place of erased) this.#own.add(placeOf(place))
        yield {
          handle,
          holdings: [{ places, keys: { subject, epochs, logs: [name, UNPLACED] } }, ...parts],
          erasures: erasures.flatMap(({ by }) => leafOf(logs, by)),
          isWhole: [...logs, ...parts.flatMap((part) => part.logs)].every(({ damaged }) => damaged.size === 0),
        }
      }
    }
    for (const handle of own.subjectsWith('record.erased')) {
      if (wholeErasureOf(own, handle) === null) continue
      const holdings = this.#partsOf(handle, { name: identity.log, site: identity.site })
      yield { handle, holdings, erasures: [], isWhole: true }
    }
  }

  /** What logs of the same site say about a patient beside the one that registered them. */
  #partsOf(handle: string, owner: Pick<ForeignLog, 'name' | 'site'>): Part[] {
    const { replica, identity } = this.#clinic
    const own = { name: identity.log, site: identity.site, logs: replica.logs, chain: replica.chain(handle) }
    const others = [...this.#open.values()].map(({ name, site, logs, chains }) => {
      return { name, site, logs, chain: chains.of(handle) }
    })
    return [own, ...others]
      .filter(({ name, site, chain }) => site === owner.site && name !== owner.name && !isRegisteredIn(chain))
      .map(({ name, logs, chain }) => ({ name, logs, ...this.#heldOf(name, handle, chain) }))
  }

  #heldOf(log: string, handle: string, { links, gone }: Chain): Holding {
    const subject = fromHex(handle)
    const rows = unlessDamaged(() => this.#clinic.store.epochKeys(subject)) ?? []
    const epochs = rows.filter((row) => row.log === log).map(({ epoch }) => epoch)
    const places = [...links, ...gone.flatMap(({ place }) => place ?? [])].map(refOf)
    return { places, keys: { subject, epochs: [...new Set(epochs)], logs: [log] } }
  }

  /** Whether anything that was erased is held; null where that cannot be read. */
  #isLeft({ holdings }: Told): boolean | null {
    const { store } = this.#clinic
    return unlessDamaged(() =>
      holdings.some(({ places, keys: { subject, epochs, logs } }) => {
        const isErased = ({ epoch, log }: StoredEpochKey) => epochs.includes(epoch) && logs.includes(log)
        const isHeld = ({ origin, index }: EntryRef) => store.payload(origin, index) !== null
        return store.epochKeys(subject).some(isErased) || places.some(isHeld)
      }),
    )
  }
}

/** A log beside the one that registered a patient. */
interface Part extends Holding {
  readonly name: string
  readonly logs: readonly LogReplica[]
}

function isRegisteredIn({ links }: Chain): boolean {
  return links.some(({ type }) => type === 'patient.registered')
}

/** The entry with its leaf; none where that cannot be read. */
function leafOf(logs: readonly LogReplica[], { origin, index }: EntryRef): ErasureLeaf[] {
  const leaf = orNull(() => logs.find((log) => log.origin === origin)?.leafAt(index) ?? null)
  return leaf === null ? [] : [{ origin, index, leaf }]
}
