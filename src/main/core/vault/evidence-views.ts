import { instantText } from '../../../clinical/instant.ts'
import type { ConvictedFork } from '../../../ledger/convict.ts'
import { LedgerError } from '../../../ledger/errors.ts'
import type { Evidence, EvidenceFile } from '../../../shared/api/schemas.ts'
import { ApiFailure } from '../failure.ts'
import { offsetMinAt, viewerFor, type Clinic } from './clinic.ts'
import type { Evidence as Kept } from './evidence-locker.ts'

/** Fork proofs as windows list, take out and bring them. They hold no patient data. */
export class EvidenceViews {
  readonly #clinic: Clinic

  constructor(clinic: Clinic) {
    this.#clinic = clinic
  }

  list(): Evidence[] {
    viewerFor(this.#clinic, 'ledger')
    return this.#clinic.standing.locker.list().map((kept) => this.#shown(kept))
  }

  /** @throws ApiFailure `UNKNOWN_ENTRY`. */
  file(id: string): EvidenceFile {
    viewerFor(this.#clinic, 'ledger')
    const { origin, text } = this.#kept(id)
    return { fileName: `${origin.replaceAll('/', '-')}-${id.slice(0, 8)}.fork`, text }
  }

  /**
   * Takes a proof from a file. One about the log of this node ends that log.
   *
   * @param text - Untrusted.
   * @throws ApiFailure `NOT_EVIDENCE` when it convicts nobody whom this replica knows.
   */
  import(text: string): Evidence {
    viewerFor(this.#clinic, 'ledger')
    const { locker } = this.#clinic.standing
    const proof = convicted(() => locker.add(text).proof)
    // One that says nothing new is not kept beside those that are.
    const kept = locker.list().find((other) => other.text === proof.text) ?? this.#first(proof)
    return this.#shown(kept)
  }

  #first({ origin }: ConvictedFork): Kept {
    const kept = this.#clinic.standing.locker.list().find((other) => other.origin === origin)
    if (kept === undefined) throw new ApiFailure('NOT_EVIDENCE')
    return kept
  }

  #kept(id: string): Kept {
    const kept = this.#clinic.standing.locker.list().find((other) => other.id === id)
    if (kept === undefined) throw new ApiFailure('UNKNOWN_ENTRY')
    return kept
  }

  #shown({ id, origin, logKeys, cosigners, older, newer, receivedAtMs }: Kept): Evidence {
    return {
      id,
      origin,
      isOwn: this.#clinic.replica.log(origin) !== null,
      byLog: logKeys.length > 0,
      sites: [...new Set(cosigners.map(({ name }) => name.replace(/\/mirror$/, '')))],
      olderSize: older.size,
      newerSize: newer.size,
      receivedAt: instantText(receivedAtMs, offsetMinAt(receivedAtMs)),
    }
  }
}

function convicted(take: () => ConvictedFork): ConvictedFork {
  try {
    return take()
  } catch (cause) {
    if (cause instanceof LedgerError) throw new ApiFailure('NOT_EVIDENCE', { cause })
    throw cause
  }
}
