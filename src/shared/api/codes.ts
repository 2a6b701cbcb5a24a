/**
 * Every expected failure that can reach a window, and the steps of verification.
 *
 * @remarks
 * Areas of the core have their own error classes; what crosses the API is one of these codes. The window holds one
 * sentence for each (`tests/renderer/messages.test.ts` fails when one is missing), which says what to do.
 *
 * @packageDocumentation
 */

/** Codes of failed calls. */
export const API_CODES = [
  // the caller
  'INVALID_REQUEST', // the request does not fit the contract
  'NOT_SIGNED_IN', // no practitioner is signed in, or the session is locked
  'NOT_ALLOWED', // the practitioner's role does not permit this
  'WRONG_STATE', // the installation is not in a state in which this can be asked
  // starting up
  'WRONG_PASSPHRASE', // the start passphrase does not open the keystore
  'WEAK_PASSPHRASE', // shorter than 12 characters
  'KEYSTORE_DAMAGED', // a keystore file is missing or does not authenticate
  'DATA_FOLDER_IN_USE', // another Chartseal holds this data folder
  'DATA_FOLDER_READ_ONLY',
  'DISK_FULL',
  'DATABASE_DAMAGED', // the file is not an SQLite database of ours
  'DATABASE_NEWER', // written by a newer Chartseal
  'RECOVERY_NEEDED', // database and keystore do not fit each other: nothing is signed until it is recovered
  'BAD_RECOVERY_KEY', // not the key that was printed for this network
  'BAD_BACKUP', // the file is no backup or replica of this clinic
  'STATE_UNKNOWN', // a commit may or may not have happened: Chartseal must be restarted
  // signing in
  'WRONG_PIN',
  'REAUTH_NEEDED', // presence must be proven again with the PIN
  'LAST_ADMINISTRATOR', // revoking would leave nobody who can administer
  'PIN_LOCKED', // too many wrong PINs; `retryAfterS` says how long
  'WEAK_PIN',
  // patients and capture
  'UNKNOWN_PATIENT',
  'OTHER_WORKSTATION', // for the workstation alone that registered the patient or recorded the value; `detail` is its log
  'DUPLICATE_PATIENT', // same identifier, or same name and birth date
  'SIMILAR_PATIENT', // somebody on record might be the same person
  // cards and consent
  'BAD_CARD', // not the text of a card of this patient, or it was revoked, or its other share is not here
  'WRONG_CARD_PIN',
  'CARD_LOCKED', // too many wrong PINs; `retryAfterS` says how long
  'PATIENT_SIGNATURE_NEEDED', // the patient's consent asks for the patient's signature
  'BAD_CONSENT', // terms that cannot be: ends before it starts, a site nobody knows; `detail` names the field
  'UNKNOWN_CONSENT',
  'CONSENT_CLOSED', // revoked already
  'CONSENT_NEEDED', // no consent covers this, and the glass is not broken
  'ALREADY_REVIEWED',
  'OWN_EMERGENCY', // somebody else has to review it
  'ALREADY_CORRECTED', // the reading was amended or retracted before
  'ASSESSMENT_CHANGED', // the values are no longer those that were shown
  'BAD_IMPORT', // the file is no FHIR R4 that can be taken in; `detail` says where
  'NOTHING_TO_IMPORT',
  'NOTHING_TO_EXPORT',
  'UNKNOWN_PROPOSAL', // no erasure waits under that id
  'OUTBOX_FULL',
  'UNKNOWN_CAPTURE', // the capture was closed, or belongs to another patient or practitioner
  'IDENTITY_NOT_CONFIRMED', // two identifiers must be confirmed first
  'NOTHING_TO_SIGN',
  'VALUE_REJECTED', // outside what can be a measurement at all
  'VALUE_NOT_CONFIRMED', // unusual: must be confirmed explicitly
  'ALREADY_RECORDED', // the same device record is in the ledger
  'UNKNOWN_DRAFT', // the value to sign is gone
  'UNKNOWN_TRAY_ITEM',
  'RECORD_NOT_VERIFIED', // the record this depends on failed verification
  'UNKNOWN_ENTRY',
  'NOT_EVIDENCE', // the file convicts nobody whom this replica knows
  // governance
  'BAD_CONTRACT', // the text is no contract, changes nothing, or would let nobody publish the next; `detail` says why
  'BAD_PROPOSAL', // not a roster that may follow the one in force; `detail` is a code
  'RIVAL_PROPOSAL', // this site approved another roster of the same version
  'NO_PROPOSAL', // no roster waits for approval
  // network
  'BAD_INVITATION', // mistyped, expired, or not an invitation of this program
  'BAD_ADDRESS', // not an address that can be dialled; `detail` is the one
  'NOT_REACHABLE', // this node can be dialled nowhere: an invitation would lead nobody here
  'UNKNOWN_INVITATION',
  'WRONG_JOIN_CODE', // not the code that the new workstation shows
  'COORDINATOR_ONLY', // needs the key of the clinic, which is at another workstation of it
  // devices
  'DEVICE_NOT_CONNECTED',
  'DEVICE_NOT_ENROLLED',
  'DEVICE_ALREADY_ENROLLED',
  'DEVICE_BUSY', // another program, or another exchange of ours, holds it
  'DEVICE_PERMISSION', // the operating system refuses to open it
  'DEVICE_SILENT', // connected and does not answer: asleep, or switched off
  'DEVICE_UNPLUGGED', // went away in the middle
  'DEVICE_PROTOCOL', // answered with bytes that are not its protocol
  'DEVICE_CHECKSUM', // a frame failed its checksum
  'DEVICE_WRONG_MODEL', // behind these ids is a device that is not supported
  'DEVICE_NO_FINGER', // the oximeter has no finger in it
  'DEVICE_NOT_SETTLED', // no stable window yet
  'DEVICE_EMPTY', // the memory holds no readings
  'DEVICE_STACK_MISSING', // libusb or libudev is not installed: HID cannot work at all
  'CANCELLED',
  // everything else
  'INTERNAL', // our own fault
] as const

/** A code of {@link API_CODES}. */
export type ApiCode = (typeof API_CODES)[number]

/** The steps a record passes before it may be shown, in order. A rejected row names the first that failed. */
export const VERIFY_STEPS = [
  'present', // the row is in the database
  'decode', // the bytes are a canonical entry of a known type
  'inclusion', // the entry hashes into the tree of the newest trusted checkpoint
  'checkpoint', // the checkpoint of its block is there, signed by the log and consistent with that tree
  'signatures', // every signature verifies under a key that was valid
  'contract', // the signatures are those the contract asks for
  'completeness', // nothing before it or after it is missing from its subject's chain
  'access', // this practitioner may see it
  'erased', // the record was not erased
  'ciphertext', // the stored ciphertext is the one the entry binds
  'decrypt', // the ciphertext opens under the record key
  'commitment', // the exact plaintext bytes are the ones the signers committed to
  'content', // the plaintext is a valid resource of the kind the entry says
] as const

/** A step of {@link VERIFY_STEPS}. */
export type VerifyStep = (typeof VERIFY_STEPS)[number]

/** What a driver family can be trusted for. */
export const PROVEN = ['captured', 'constructed', 'experimental'] as const
