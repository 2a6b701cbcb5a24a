/**
 * Breaking the glass: data of one patient for one hour although no consent covers it, recorded before anything is shown.
 *
 * @remarks
 * Only what this site holds the keys of can be opened. Reading is all that it is for. Somebody else reviews it
 * (`reviews.ts`). Proven by `tests/main/core/vault/emergencies.test.ts`.
 *
 * @packageDocumentation
 */
import { encodeAudit } from '../../../clinical/audit-event.ts'
import { instantText } from '../../../clinical/instant.ts'
import { encodeEmergencyFields } from '../../../ledger/record-fields.ts'
import { fromHex } from '../../../shared/bytes.ts'
import { ApiFailure } from '../failure.ts'
import type { Asked } from '../vault-service.ts'
import { authorFor, offsetMinAt, utf8, viewerOf, type Clinic } from './clinic.ts'
import { presence } from './presence.ts'

/** How long one lasts. */
export const EMERGENCY_MIN = 60

/** Emergencies of an open clinic. */
export class Emergencies {
  readonly #clinic: Clinic

  constructor(clinic: Clinic) {
    this.#clinic = clinic
  }

  /**
   * Opens a patient's data to whoever is signed in.
   *
   * @returns When it ends.
   * @throws ApiFailure `NOT_SIGNED_IN`, `NOT_ALLOWED`, `UNKNOWN_PATIENT`; KeystoreError `WRONG_PIN`, `PIN_LOCKED`;
   * StoreError when it cannot be recorded: nothing is opened then.
   */
  async break({ handle, reason, text, pin }: Asked['access']['emergency']): Promise<{ until: string }> {
    const { replica, writer, random, nowMs, glass, identity, emit } = this.#clinic
    authorFor(this.#clinic, 'access.emergency')
    if (!isPatient(this.#clinic, handle)) throw new ApiFailure('UNKNOWN_PATIENT')
    const viewer = await presence(this.#clinic, pin)
    const { origin, size, root } = replica.head
    const timeMs = nowMs()
    const at = instantText(timeMs, offsetMinAt(timeMs))
    const { name } = viewer
    const words = encodeAudit({
      ...{ kind: 'emergency', at, site: identity.site, patient: handle, detail: reason, words: text },
      ...{ practitioner: { handle: viewer.handle, name }, test: identity.demo },
    })
    const [recorded] = await writer.record([
      {
        id: random(16),
        type: 'access.emergency',
        subject: fromHex(handle),
        timeMs,
        payload: utf8(words),
        fields: encodeEmergencyFields({ reason, minutes: EMERGENCY_MIN, heads: [{ origin, size, root }] }),
        signers: [viewer.signer],
      },
    ])
    // Left while it was being recorded: that it was asked for stays on record, and nothing opens.
    if (recorded === undefined || viewerOf(this.#clinic) !== viewer) throw new ApiFailure('NOT_SIGNED_IN')
    const ms = EMERGENCY_MIN * 60_000
    const untilMs = timeMs + ms
    glass.open(handle, { by: viewer.handle, ref: { origin, index: recorded.index }, untilMs }, ms)
    emit({ kind: 'chart-changed', handle })
    return { until: instantText(untilMs, offsetMinAt(untilMs)) }
  }

  /** Ends it before its time. Nothing happens when none is open. */
  end(handle: string): void {
    const { handle: by } = viewerOf(this.#clinic)
    const { glass } = this.#clinic
    if (glass.of(by, handle) !== null) glass.end(handle)
  }
}

/** Whether anything is on record about a patient of this handle, or was. */
export function isPatient({ replica }: Pick<Clinic, 'replica'>, handle: string): boolean {
  const { links, gone } = replica.chain(handle)
  if (links.length === 0) return gone.length > 0
  // Practitioners and devices have chains of their own.
  return !links.some(({ type }) => type === 'practitioner.enrolled' || type === 'device.enrolled')
}
