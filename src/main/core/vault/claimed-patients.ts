/**
 * Incidents `patient.claimed`: a log registered a patient under the handle of another log's.
 *
 * @remarks
 * Such a registration is shown nowhere, but somebody must hear of it: whoever writes it wants two people taken for one. One
 * incident for each log that does it, ever; its id is the same when it is made again. Details: `docs/protocol.md`,
 * "Handles of patients". Proven by `tests/main/core/vault/claimed-patients.test.ts`.
 *
 * @packageDocumentation
 */
import { mapOf, type CborMap } from '../../../ledger/cbor.ts'
import { encodeIncident } from '../../../ledger/fields.ts'
import { readMap } from '../../../ledger/fields-reader.ts'
import { utf8 } from '../../../ledger/hash.ts'
import { splitOrigin } from '../../../ledger/names.ts'
import { ApiFailure } from '../failure.ts'
import { nodeHasher } from '../hasher.ts'
import type { Clinic } from './clinic.ts'
import type { ForeignClaim } from './foreign-shares.ts'

/** Kind of the incident. */
export const PATIENT_CLAIMED = 'patient.claimed'
const MAX_ORIGIN = 200

/** Records what the logs of others claim and was not recorded yet. */
export class ClaimedPatients {
  readonly #clinic: Pick<Clinic, 'writer' | 'logSigner' | 'nowMs'>
  readonly #recorded = new Set<string>()

  constructor(clinic: Pick<Clinic, 'writer' | 'logSigner' | 'nowMs'>) {
    this.#clinic = clinic
  }

  /**
   * Records an incident for every log that is new among these.
   *
   * @throws What {@link Writer.record} throws; then it is recorded the next time.
   */
  async record(claims: readonly ForeignClaim[]): Promise<void> {
    const { writer, logSigner, nowMs } = this.#clinic
    for (const claim of claims) {
      const { log } = splitOrigin(claim.origin)
      if (this.#recorded.has(log)) continue
      this.#recorded.add(log)
      const id = nodeHasher.sha256(utf8(`chartseal/patient-claimed/v1\n${log}\n`)).slice(0, 16)
      const fields = encodeIncident({ kind: PATIENT_CLAIMED, details: encodeClaim(claim) })
      const draft = { id, type: 'incident', subject: null, timeMs: nowMs(), payload: null, fields } as const
      try {
        await writer.record([{ ...draft, signers: [logSigner] }])
      } catch (error) {
        if (error instanceof ApiFailure && error.code === 'ALREADY_RECORDED') continue
        this.#recorded.delete(log)
        throw error
      }
    }
  }
}

function encodeClaim({ origin, index, owner }: ForeignClaim): CborMap {
  return mapOf([
    [1, origin],
    [2, index],
    [3, owner],
  ])
}

/** Reads the details of such an incident. `details` is untrusted; throws {@link LedgerError} `BAD_FIELD`. */
export function decodeClaim(details: CborMap): ForeignClaim {
  return readMap(details, 'claimed patient', (f) => ({
    origin: f.text(1, 1, MAX_ORIGIN),
    index: f.uint(2),
    owner: f.text(3, 1, MAX_ORIGIN),
  }))
}
