/**
 * Who the patients are, for searching: verified once, kept in memory for one sign-in, and nowhere else.
 *
 * @remarks
 * What is kept is sealed under a random key, so that wiping 32 bytes is enough to forget all of it when the session
 * locks or ends. A patient is verified again as soon as anything was added to, or became of, what the ledger holds about
 * them. What may be shown of it to whom is asked anew at each look. Proven by `tests/main/core/vault/patients.test.ts`.
 *
 * @packageDocumentation
 */
import { type FoldedPatient, foldPatient, foldText } from '../../../clinical/patient-similarity.ts'
import type { Patient } from '../../../shared/api/schemas.ts'
import { openSealed, seal, wipe } from '../../keystore/sodium.ts'
import type { RandomBytes } from '../envelope.ts'

/** A verified registration. */
export interface Registration {
  readonly patient: Patient
  /** Where it stands; its grade is asked for at each look. */
  readonly place: {
    readonly origin: string
    readonly index: number
    readonly entryId: string
    readonly seq: number
    readonly block: number
  }
  /** Clock of its author, ms since 1970. */
  readonly recordedAtMs: number
}

/** A registration as it is searched. */
export interface IndexedPatient extends Registration {
  /** Everything that search looks through, without case and diacritics. */
  readonly text: string
  readonly folded: FoldedPatient
}

/** Patients that are sealed together: opening one page costs less than opening each. */
const PAGE_SIZE = 256
const CONTEXT = new TextEncoder().encode('chartseal/patient-index/v1')

interface Entry {
  readonly page: number
  readonly stamp: object
}

/** What was found out about one patient. */
export interface Finding {
  readonly handle: string
  /** What the ledger holds about the patient: another object as soon as that changes. */
  readonly stamp: object
  /** Null when the record does not verify. */
  readonly registration: Registration | null
}

/** Patients of one sign-in. */
export class PatientIndex {
  readonly #key: Uint8Array
  readonly #pages: Uint8Array[] = []
  readonly #entries = new Map<string, Entry>()
  #isDropped = false
  #filling: Promise<unknown> = Promise.resolve()

  constructor(random: RandomBytes) {
    this.#key = random(32)
  }

  /** True when nothing happened to the patient since. */
  isFresh(handle: string, stamp: object): boolean {
    return this.#entries.get(handle)?.stamp === stamp
  }

  /** Runs one body after the other: two that look for changes at once would verify everything twice. */
  inTurn<Value>(body: () => Promise<Value>): Promise<Value> {
    const mine = this.#filling.then(body, body)
    this.#filling = mine.catch(() => undefined)
    return mine
  }

  /** Takes in what was found out, in place of what was known. Whoever left meanwhile takes in nothing. */
  take(findings: readonly Finding[]): void {
    if (this.#isDropped) return
    for (const [page, changed] of Map.groupBy(findings, ({ handle }) => this.#entries.get(handle)?.page ?? -1))
      if (page >= 0) this.#replace(page, changed)
    this.#add(findings.filter(({ handle, registration }) => registration !== null && !this.#entries.has(handle)))
  }

  /** Everybody who verified, in the order in which they came. */
  *all(): Generator<IndexedPatient> {
    for (let page = 0; page < this.#pages.length; page++) yield* this.#itemsOf(page)
  }

  /** Forgets everything for good. */
  drop(): void {
    this.#isDropped = true
    wipe(this.#key)
    this.#pages.length = 0
    this.#entries.clear()
  }

  #replace(page: number, findings: readonly Finding[]): void {
    const changed = new Map(findings.map((finding) => [finding.handle, finding]))
    const items = this.#itemsOf(page).flatMap((item) => {
      const finding = changed.get(item.patient.handle)
      if (finding === undefined) return item
      return finding.registration === null ? [] : indexed(finding.registration)
    })
    for (const { handle, stamp, registration } of findings) {
      if (registration === null) this.#entries.delete(handle)
      else this.#entries.set(handle, { page, stamp })
    }
    this.#pages[page] = this.#sealed(items)
  }

  #add(findings: readonly Finding[]): void {
    let rest = findings
    while (rest.length > 0) {
      const last = this.#pages.length - 1
      const started = last < 0 ? [] : this.#itemsOf(last)
      const isFull = last < 0 || started.length >= PAGE_SIZE
      const [page, items] = isFull ? [last + 1, []] : [last, started]
      const mine = rest.slice(0, PAGE_SIZE - items.length)
      rest = rest.slice(mine.length)
      for (const { handle, stamp } of mine) this.#entries.set(handle, { page, stamp })
      const added = mine.flatMap(({ registration }) => (registration === null ? [] : indexed(registration)))
      this.#pages[page] = this.#sealed([...items, ...added])
    }
  }

  #itemsOf(page: number): IndexedPatient[] {
    const sealed = this.#pages[page]
    const plain = sealed === undefined ? null : openSealed(this.#key, sealed, CONTEXT)
    // Dropped while somebody was reading on.
    if (plain === null) return []
    const items = JSON.parse(new TextDecoder().decode(plain)) as IndexedPatient[]
    wipe(plain)
    return items
  }

  #sealed(items: readonly IndexedPatient[]): Uint8Array {
    const plain = new TextEncoder().encode(JSON.stringify(items))
    const sealed = seal(this.#key, plain, CONTEXT)
    wipe(plain)
    return sealed
  }
}

function indexed(registration: Registration): IndexedPatient {
  const { patient } = registration
  const { familyName, givenName, identifier, birthDate } = patient
  const text = foldText(`${familyName} ${givenName} ${identifier} ${birthDate}`)
  return { ...registration, text, folded: foldPatient(patient) }
}
