/**
 * Exact bytes of a record and the salt of its commitment: what an export discloses of it.
 *
 * @remarks
 * Only for records that `verifyRecord` has just let somebody see: it asks nobody who may. Proven by
 * `tests/main/core/vault/exports.test.ts`.
 *
 * @packageDocumentation
 */
import type { Disclosure } from '../../../ledger/disclosure.ts'
import { toHex } from '../../../shared/bytes.ts'
import { type KeyClass, likelyClasses, openUnderClasses } from '../class-keys.ts'
import { checkCiphertext, checkCommitment } from '../envelope.ts'
import { ApiFailure } from '../failure.ts'
import type { RecordSources } from '../verify-record.ts'
import type { Link } from './chains.ts'
import { unlessDamaged } from './log-replica.ts'
import { handleOf } from './reading-record.ts'

/** A record that was opened. */
export interface OpenedRecord extends Disclosure {
  readonly link: Link
  /** The plaintext as text. */
  readonly text: string
  readonly keyClass: KeyClass
  /** Of the entry, 16 bytes in hex. */
  readonly entryId: string
  /** The clock of who signed, ms since 1970. */
  readonly timeMs: number
  /** Handles of the practitioner and the device that signed; null for none. */
  readonly practitioner: string | null
  readonly device: string | null
}

/**
 * Opens a record.
 *
 * @throws ApiFailure `RECORD_NOT_VERIFIED`; EnvelopeError when it does not open.
 */
export async function openedRecord(
  { replica, keys }: Pick<RecordSources, 'replica' | 'keys'>,
  link: Link,
): Promise<OpenedRecord> {
  const verified = link.log.verifiedEntry(link.index)
  if ('step' in verified) throw new ApiFailure('RECORD_NOT_VERIFIED', { detail: verified.step })
  const { subject, payload, id, time, ...body } = verified.entry.body
  const stored = unlessDamaged(() => replica.store.payload(link.log.origin, link.index))
  if (subject === null || payload === null || stored === null) throw new ApiFailure('RECORD_NOT_VERIFIED')
  checkCiphertext(stored.ciphertext, payload)
  const context = { subject, entryId: id, epoch: payload.epoch }
  const classKeys = await keys.of(subject, payload.epoch)
  const { plaintext, salt, keyClass } = openUnderClasses(stored, classKeys, likelyClasses(body), context)
  checkCommitment(plaintext, salt, payload)
  return {
    ...{ link, plaintext, salt, keyClass, entryId: toHex(id), timeMs: time },
    text: new TextDecoder('utf-8', { fatal: true }).decode(plaintext),
    practitioner: handleOf(verified, 'practitioner'),
    device: handleOf(verified, 'device'),
  }
}
