/** What must be true of the clinics, as far as it was acknowledged. */
import type { Holder } from '../../../support/consent-world.ts'

/** What one other clinic may have of a patient's records. */
export interface Share {
  /** A consent is in force. */
  isGranted: boolean
  /** Entries of the home's log below were written while one was, or before. */
  upTo: number
}

/** A patient whom a clinic registered. */
export interface Person {
  readonly home: number
  readonly holder: Holder
  /** Weights that stand, by the index of their entry. */
  readonly weights: Map<number, string>
  /** Weights of which nobody knows whether they were recorded. */
  readonly maybe: Set<string>
  /** The consent in force. */
  consentId: string | null
  /** They decided something: from then on their own clinic needs a consent as well. */
  hasDecided: boolean
  /** By the number of the clinic; absent for one that never had a consent. */
  readonly shares: Map<number, Share>
  isErased: boolean
}

/** See the module's comment. */
export interface Model {
  readonly off: Set<number>
  readonly people: Person[]
  /** Roots of every log, by origin and size, as seen anywhere. */
  readonly roots: Map<string, Map<number, string>>
  /** By clinic: the size of its own log that an answer was given for. */
  readonly acknowledged: Map<number, number>
  /** By origin: the largest size that was final anywhere. */
  readonly finals: Map<string, number>
  /** By clinic and origin: what was final there. */
  readonly finalAt: Map<string, number>
  /** Clinics whose files somebody changed, until they have settled. */
  readonly damaged: Set<number>
  /** Makes people and weights differ. */
  next: number
}

/** A patient of a clinic, of whom nothing is known yet. */
export function newPerson(home: number, holder: Holder): Person {
  return {
    ...{ home, holder, weights: new Map(), maybe: new Set() },
    ...{ consentId: null, hasDecided: false, shares: new Map(), isErased: false },
  }
}

/** Nothing has happened since the clinics were founded, each with one patient. */
export function newModel(patients: readonly Holder[]): Model {
  return {
    off: new Set(),
    people: patients.map((holder, home) => newPerson(home, holder)),
    roots: new Map(),
    acknowledged: new Map(),
    finals: new Map(),
    finalAt: new Map(),
    damaged: new Set(),
    next: 1,
  }
}

/** A weight that nobody had before, in kilograms. */
export function newWeight(model: Model): string {
  return (40 + model.next++ / 10).toFixed(1)
}

/** Whether a clinic's people may see what is recorded of a patient. */
export function maySee({ home, consentId, hasDecided, shares, isErased }: Person, i: number): boolean {
  if (isErased) return false
  return i === home ? consentId !== null || !hasDecided : shares.get(i)?.isGranted === true
}
