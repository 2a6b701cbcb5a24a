/**
 * Why a node may not sign, as one closed list.
 *
 * @packageDocumentation
 */
import type { RecoveryReason } from '../../../shared/api/schemas.ts'
import { CodedError } from '../../../shared/errors.ts'

/** The database and the keystore do not belong together as they are: nothing may be signed before a recovery. */
export class RecoveryNeeded extends CodedError<'RECOVERY_NEEDED'> {
  readonly reason: RecoveryReason
  constructor(reason: RecoveryReason, message: string, options?: ErrorOptions) {
    super('RECOVERY_NEEDED', message, options)
    this.reason = reason
  }
}
