import { encodeIncident } from '../../../ledger/fields.ts'
import { instantText } from '../../../clinical/instant.ts'
import { mapOf } from '../../../ledger/cbor.ts'
import type { OutboxNote, SettledNote } from '../../../shared/api/schemas.ts'
import { fromHex } from '../../../shared/bytes.ts'
import { ApiFailure } from '../failure.ts'
import type { Asked } from '../vault-service.ts'
import { offsetMinAt, viewerFor, type Clinic, type Viewer } from './clinic.ts'
import type { Outbox } from './outbox.ts'

/**
 * Notes of the outbox for those who take them over: physicians and nurses.
 *
 * @remarks
 * Proven by `tests/main/core/vault/outbox.test.ts`.
 */
export class OutboxViews {
  readonly #clinic: Clinic
  readonly #outbox: Outbox
  /** Notes that are being settled: two windows, or a second click, must not record it twice. */
  readonly #settling = new Set<string>()

  constructor(clinic: Clinic, outbox: Outbox) {
    this.#clinic = clinic
    this.#outbox = outbox
  }

  /** @throws ApiFailure `NOT_SIGNED_IN`, `NOT_ALLOWED`. */
  async list(): Promise<OutboxNote[]> {
    viewerFor(this.#clinic, 'clinical')
    return this.#outbox.list(this.#clinic.ring)
  }

  /** The same for what was settled in the last 90 days. */
  async settled(): Promise<SettledNote[]> {
    viewerFor(this.#clinic, 'clinical')
    return this.#outbox.settled(this.#clinic.ring)
  }

  /**
   * Takes a note off the list. That it was, by whom and when, is recorded first; what it said and why stays sealed beside
   * the ledger for 90 days.
   *
   * @throws ApiFailure `NOT_SIGNED_IN`, `NOT_ALLOWED`, `UNKNOWN_ENTRY`.
   */
  async settle({ id, reason }: Asked['outbox']['settle']): Promise<void> {
    const viewer = viewerFor(this.#clinic, 'clinical')
    // Whoever comes second finds it taken off the list, as a moment later.
    if (this.#settling.has(id)) throw new ApiFailure('UNKNOWN_ENTRY')
    this.#settling.add(id)
    try {
      await this.#settleOne(viewer, id, reason)
    } finally {
      this.#settling.delete(id)
    }
  }

  async #settleOne(viewer: Viewer, id: string, reason: string): Promise<void> {
    const { writer, logSigner, random, nowMs, ring } = this.#clinic
    const note = await this.#outbox.note(id, ring)
    const timeMs = nowMs()
    const details = mapOf([
      [1, fromHex(id)],
      [2, fromHex(viewer.handle)],
    ])
    await writer.record([
      {
        ...{ id: random(16), type: 'incident', subject: null, timeMs, payload: null },
        ...{ fields: encodeIncident({ kind: 'outbox.settled', details }), signers: [logSigner] },
      },
    ])
    const settled = { at: instantText(timeMs, offsetMinAt(timeMs)), by: viewer.name, reason }
    await this.#outbox.settle(note, settled, ring)
  }
}
