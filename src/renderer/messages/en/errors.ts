import type { ProblemCode, VerifyStep } from '../../api/types.ts'

const codes: Record<ProblemCode, string> = {
  OFFLINE: 'Chartseal cannot be reached. Wait until the connection is back, then try again.',
  INVALID_REQUEST: 'Something entered here was not understood. Check the fields and try again.',
  NOT_SIGNED_IN: 'The session is locked. Sign in to go on.',
  NOT_ALLOWED: 'Your role does not include this. Ask a colleague whose role does.',
  WRONG_STATE: 'This is not possible at the moment. Close this window and open it again.',
  WRONG_PASSPHRASE: 'This passphrase does not open the clinic. Check Caps Lock and type it again.',
  WEAK_PASSPHRASE: 'Use at least 12 characters. Four unrelated words work well.',
  KEYSTORE_DAMAGED: 'The keys of this clinic are missing or damaged. Restore the key folder from a backup, or call IT.',
  DATA_FOLDER_IN_USE: 'Another Chartseal is using this data folder. Switch to that window, or close it first.',
  DATA_FOLDER_READ_ONLY: 'The data folder cannot be written. Ask IT to restore write access.',
  DISK_FULL: 'The disk is full. Free some space, then try again.',
  DATABASE_DAMAGED: 'The database cannot be read. Restore it from a backup, or call IT.',
  DATABASE_NEWER: 'A newer Chartseal wrote this database. Install the newest version.',
  RECOVERY_NEEDED:
    'The database and the keys of this computer do not fit each other. Nothing is signed until IT recovers it.',
  BAD_RECOVERY_KEY:
    'This is not the recovery key of this clinic. Check every group of the printed sheet, then try again.',
  BAD_BACKUP: 'This file is no backup or database of this clinic, or it is damaged. Choose another file.',
  STATE_UNKNOWN:
    'It is not certain whether the last recording was saved. Restart Chartseal, then look at the chart before you record again.',
  WRONG_PIN: 'This PIN is not right. Try again.',
  REAUTH_NEEDED: 'Enter your PIN once more, so that it is certain who signs.',
  LAST_ADMINISTRATOR:
    'This is the last person of clinic IT. Enrol another one first, or nobody could administer this clinic.',
  PIN_LOCKED: 'Too many wrong PINs. Wait until the countdown ends, then try again.',
  WEAK_PIN: 'This PIN is too easy to guess. Use at least 4 digits, not all the same and not in a row.',
  UNKNOWN_PATIENT: 'This patient is not registered here. Check the identifier, or register the patient.',
  OTHER_WORKSTATION:
    'This is done at another workstation of your clinic: the one that the chart names. Nothing was recorded here. If that one was taken out, withdraw the value here and record it anew.',
  DUPLICATE_PATIENT:
    'Somebody with these details is already registered. Open that record instead of registering a second one.',
  SIMILAR_PATIENT:
    'Somebody on record may be the same person. Compare the details, then open that record or say that they are two people.',
  BAD_CARD:
    'This is not a valid card of this patient, or this computer does not hold its other half. Use another card, or make a new one.',
  WRONG_CARD_PIN: 'This is not the PIN of the card. Let the holder type it again.',
  CARD_LOCKED: 'Too many wrong PINs for this card. Wait until the countdown ends, or make a new card.',
  PATIENT_SIGNATURE_NEEDED:
    'The patient asked to sign every reading. Scan the patient’s card, or say why the patient cannot sign.',
  BAD_CONSENT: 'These terms do not fit together. Check the days, the clinics and the kinds of data.',
  UNKNOWN_CONSENT: 'There is no such consent. Open the list again.',
  CONSENT_CLOSED: 'This consent was taken back already. Record a new one instead.',
  CONSENT_NEEDED:
    'The patient’s consent does not cover this. Ask the patient, or use emergency access if waiting would do harm.',
  ALREADY_REVIEWED: 'Somebody has reviewed this already. Open the list again.',
  OWN_EMERGENCY: 'This was your own emergency access. Somebody else has to review it.',
  ALREADY_CORRECTED: 'This reading was corrected before. Open the chart again and correct the newest value.',
  ASSESSMENT_CHANGED: 'The values have changed since this was shown. Look at the new score, then record it.',
  BAD_IMPORT: 'This file cannot be taken in. It must be a FHIR R4 file with answers or measured values.',
  NOTHING_TO_IMPORT: 'Everything in this file is on record already, or cannot be taken in.',
  NOTHING_TO_EXPORT: 'There is nothing to hand over: no record fits, or no consent covers it for this purpose.',
  UNKNOWN_PROPOSAL: 'This request is no longer waiting. Open the list again.',
  OUTBOX_FULL: 'No more emergency notes fit. Write on paper, and ask IT to look at Chartseal at once.',
  UNKNOWN_CAPTURE:
    'This bedside session has ended. Start again with the patient; values that were read are in the tray.',
  IDENTITY_NOT_CONFIRMED: 'Confirm two identifiers with the patient first.',
  NOTHING_TO_SIGN: 'There is no value to sign yet. Take a reading or type a value.',
  VALUE_REJECTED: 'This value cannot be a measurement. Check it and type it again.',
  VALUE_NOT_CONFIRMED: 'This value is unusual. Check it, then confirm it.',
  ALREADY_RECORDED: 'This device record is already in the chart. Untick it and sign the others.',
  UNKNOWN_DRAFT: 'This value is no longer waiting. Read the device again.',
  UNKNOWN_TRAY_ITEM: 'This item has left the tray. Somebody else may have assigned it.',
  RECORD_NOT_VERIFIED: 'A record this depends on could not be verified. Open its proof, and call IT.',
  UNKNOWN_ENTRY: 'There is no such entry in the ledger.',
  NOT_EVIDENCE: 'This file proves nothing about a log that is known here. Choose another file.',
  BAD_CONTRACT:
    'This text cannot be the next contract. Correct what is named below the text, then check it again. The contract in force is unchanged.',
  BAD_PROPOSAL:
    'This change does not follow the roster in force, or changes nothing. Ask for a newer file, or propose another change.',
  RIVAL_PROPOSAL:
    'This site approved another change for the same version. Finish that one first, or put it away; while it holds a new key of this site, propose no other key.',
  NO_PROPOSAL: 'No change is waiting for approval. It was recorded or discarded in the meantime.',
  BAD_INVITATION:
    'This invitation cannot be used: it is mistyped, has expired, or is for something else. Paste all of it again, or ask for a new one.',
  BAD_ADDRESS:
    'One address cannot be used. Write it as 192.168.1.20:4101, clinic.example:4101 or wss://clinic.example.',
  NOT_REACHABLE:
    'Nobody could reach this computer with an invitation. Set a port, or the address under which it is reached, then try again.',
  UNKNOWN_INVITATION: 'There is no such invitation. Open the list again.',
  WRONG_JOIN_CODE:
    'That is not the code of the workstation that asked. Read it again; if it still differs, withdraw the invitation and make a new one.',
  COORDINATOR_ONLY:
    'This is done at another workstation of your clinic: the one that it was set up on, which holds the key of the clinic.',
  DEVICE_NOT_CONNECTED: 'The device is not connected. Plug it in and switch it on.',
  DEVICE_NOT_ENROLLED:
    'This device is not enrolled. IT can enrol it on the Devices page; its values wait in the tray until then.',
  DEVICE_ALREADY_ENROLLED: 'This device is already enrolled.',
  DEVICE_BUSY: 'The device is in use. Close other programs that read it, then try again.',
  DEVICE_PERMISSION:
    'The operating system does not let Chartseal open this device. Ask IT to install the device rules.',
  DEVICE_SILENT: 'The device does not answer. Switch it on or wake it, then try again.',
  DEVICE_UNPLUGGED: 'The device was unplugged. Plug it in and try again; nothing was recorded.',
  DEVICE_PROTOCOL: 'The device sent something unexpected. Unplug it, plug it in and try again.',
  DEVICE_CHECKSUM: 'The device’s data arrived damaged. Check the cable and try again.',
  DEVICE_WRONG_MODEL: 'This model looks like a supported one and is not. Use a supported device.',
  DEVICE_NO_FINGER: 'No finger in the sensor. Put the clip on, nail up, and hold still.',
  DEVICE_NOT_SETTLED: 'The reading has not settled. Hold still until it has been steady for 5 seconds.',
  DEVICE_EMPTY: 'The device holds no readings. Take a measurement, then read again.',
  DEVICE_STACK_MISSING: 'This computer lacks the USB library that devices need. Ask IT to install libusb and libudev.',
  CANCELLED: 'Cancelled. Nothing was recorded.',
  INTERNAL: 'Something went wrong inside Chartseal. Try again; if it happens again, restart Chartseal and call IT.',
}

const steps: Record<VerifyStep, string> = {
  present: 'the record is missing from the database',
  decode: 'the record’s bytes cannot be read',
  inclusion: 'the record does not fit the sealed ledger',
  checkpoint: 'the seal of its block is missing or does not fit',
  signatures: 'a signature is missing or wrong',
  contract: 'it is not signed by everybody who has to',
  completeness: 'a record before or after it is missing',
  access: 'you do not have access to it',
  erased: 'it was erased, as the ledger says',
  ciphertext: 'the stored data was changed',
  decrypt: 'the stored data cannot be opened',
  commitment: 'the content is not what was signed',
  content: 'the content is not a valid measurement',
}

/** One sentence for each code, which says what to do; and what failed, for each step of verification. */
export const messages = {
  codes,
  steps,
  notVerified: 'Not verified',
  notAllowedBecause: 'The rules of this network do not allow this. {advice}',
  notVerifiedStep: 'Not verified: {step}. The value is not shown.',
}
