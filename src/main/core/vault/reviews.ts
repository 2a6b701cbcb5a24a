/**
 * Reviews of emergencies: somebody else says whether breaking the glass was justified. Proven by
 * `tests/main/core/vault/emergencies.test.ts`.
 *
 * @packageDocumentation
 */
import { encodeAudit } from '../../../clinical/audit-event.ts'
import { instantText } from '../../../clinical/instant.ts'
import { encodeEndorsementFields } from '../../../ledger/record-fields.ts'
import { equalBytes, fromHex, toHex } from '../../../shared/bytes.ts'
import { ApiFailure } from '../failure.ts'
import type { Asked } from '../vault-service.ts'
import { reviewOf } from './accesses.ts'
import { offsetMinAt, utf8, viewerFor, type Clinic } from './clinic.ts'
import { presence } from './presence.ts'

/** Reviews in an open clinic. */
export class Reviews {
  readonly #clinic: Clinic
  /** Emergencies whose review is being written. */
  readonly #busy = new Set<string>()

  constructor(clinic: Clinic) {
    this.#clinic = clinic
  }

  /**
   * Records what somebody found.
   *
   * @throws ApiFailure `NOT_SIGNED_IN`, `NOT_ALLOWED`, `UNKNOWN_ENTRY` for what is no emergency, `OWN_EMERGENCY`,
   * `ALREADY_REVIEWED`; KeystoreError `WRONG_PIN`, `PIN_LOCKED`.
   */
  async review({ ref, outcome, remark, pin }: Asked['access']['review']): Promise<void> {
    viewerFor(this.#clinic, 'access-log')
    const { subject, by } = this.#emergency(ref)
    const viewer = await presence(this.#clinic, pin)
    if (equalBytes(by, fromHex(viewer.handle))) throw new ApiFailure('OWN_EMERGENCY')
    const name = `${ref.origin} ${ref.index}`
    const handle = toHex(subject)
    if (this.#busy.has(name) || reviewOf(this.#clinic, handle, ref) !== null) throw new ApiFailure('ALREADY_REVIEWED')
    this.#busy.add(name)
    try {
      const { writer, random, nowMs, identity, emit } = this.#clinic
      const timeMs = nowMs()
      const at = instantText(timeMs, offsetMinAt(timeMs))
      const words = encodeAudit({
        ...{ kind: 'review', at, site: identity.site, patient: handle, detail: outcome, words: remark },
        ...{ practitioner: { handle: viewer.handle, name: viewer.name }, test: identity.demo },
      })
      await writer.record([
        {
          ...{ id: random(16), type: 'endorsement', subject, timeMs, payload: remark === null ? null : utf8(words) },
          fields: encodeEndorsementFields({ kind: 'review', target: ref, value: outcome }),
          signers: [viewer.signer],
        },
      ])
      emit({ kind: 'chart-changed', handle })
    } finally {
      this.#busy.delete(name)
    }
  }

  #emergency({ origin, index }: Asked['access']['review']['ref']): { subject: Uint8Array; by: Uint8Array } {
    const log = this.#clinic.replica.log(origin)
    const verified = log === null || index >= log.head.size ? null : log.verifiedEntry(index)
    if (verified === null || 'step' in verified) throw new ApiFailure('UNKNOWN_ENTRY')
    const { type, subject } = verified.entry.body
    const by = verified.signers.find(({ role }) => role === 'practitioner')?.handle ?? null
    if (type !== 'access.emergency' || subject === null || by === null) throw new ApiFailure('UNKNOWN_ENTRY')
    return { subject, by }
  }
}
