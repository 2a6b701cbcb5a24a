/**
 * Why a key cannot be had.
 *
 * @packageDocumentation
 */
import { CodedError } from '../../shared/errors.ts'

/** Expected failures of the keystore. */
export type KeystoreErrorCode =
  | 'WRONG_PASSPHRASE'
  | 'WEAK_PASSPHRASE' // shorter than 12 characters
  | 'KEYSTORE_DAMAGED' // a file is missing, unreadable, or does not authenticate
  | 'WRONG_PIN'
  | 'WEAK_PIN' // shorter than 4 characters, one digit repeated, or a straight run of digits
  | 'WRONG_SHARE' // what a card says is not the share that belongs to its id
  | 'PIN_LOCKED' // too many wrong PINs in a row; `retryAfterS` says how long
  | 'DATA_FOLDER_READ_ONLY'
  | 'DISK_FULL'

/** A failure of the keystore. The message never holds a secret, a PIN or a passphrase. */
export class KeystoreError extends CodedError<KeystoreErrorCode> {
  /** Seconds until another attempt is taken; only with `PIN_LOCKED`. */
  readonly retryAfterS: number | undefined

  constructor(code: KeystoreErrorCode, message: string, options: ErrorOptions & { retryAfterS?: number } = {}) {
    super(code, message, options)
    this.retryAfterS = options.retryAfterS
  }
}

const CODE_OF_ERRNO: Readonly<Record<string, KeystoreErrorCode>> = {
  // The disk does not give back what it was given.
  EIO: 'KEYSTORE_DAMAGED',
  EACCES: 'DATA_FOLDER_READ_ONLY',
  EPERM: 'DATA_FOLDER_READ_ONLY',
  EROFS: 'DATA_FOLDER_READ_ONLY',
  ENOSPC: 'DISK_FULL',
  EDQUOT: 'DISK_FULL',
}

/** Runs `body`; expected failures of the file system leave it as a {@link KeystoreError}. */
export function guardedFiles<Value>(doing: string, body: () => Value): Value {
  try {
    return body()
  } catch (error) {
    const errno = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
    const code = CODE_OF_ERRNO[errno]
    throw code === undefined ? error : new KeystoreError(code, `${errno} while ${doing}`, { cause: error })
  }
}
