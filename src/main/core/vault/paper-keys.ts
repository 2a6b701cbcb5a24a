/**
 * Opens with the printed recovery key what was sealed to a sharing key that a backup does not have yet.
 *
 * @remarks
 * Every epoch key is sealed to the recovery key as well. Where the site got another sharing key after a backup was made, and
 * other nodes gave back what was recorded since, nothing else opens those records. Each is sealed once more to the key
 * that is here; who sealed it first must have been this site, by any key that a roster ever listed for it. Proven by
 * `tests/main/core/network/rescue.test.ts`.
 *
 * @packageDocumentation
 */
import { wipe } from '../../keystore/sodium.ts'
import type { NewEpochKey, Store, StoredEpochKey } from '../../store/store.ts'
import { EnvelopeError } from '../envelope.ts'
import { openEpochKey, sealEpochKey, type SharingKeyPair } from '../epoch-keys.ts'
import { equalBytes } from '../../../shared/bytes.ts'
import type { SharingRing } from './sharing-ring.ts'

/** What is opened, and for whom. */
export interface PaperKeys {
  readonly store: Pick<Store, 'keySubjects' | 'epochKeys' | 'putMirroredPayloads'>
  /** Of the live log: any that the database has. */
  readonly origin: string
  /** The printed key. */
  readonly paper: SharingKeyPair
  readonly ring: SharingRing
  /** Every sharing key that a roster listed for the site, 32 bytes each. */
  readonly senders: readonly Uint8Array[]
}

/** Seals again what only the paper opens. What does not open stays as it is. */
export async function sealFromPaper(keys: PaperKeys): Promise<void> {
  const { store, origin } = keys
  for (const subject of store.keySubjects()) {
    const rows = store.epochKeys(subject)
    const sealed: NewEpochKey[] = []
    for (const row of onlyOnPaper(rows, keys)) {
      const again = await sealedAgain(subject, row, keys)
      if (again !== null) sealed.push(again)
    }
    if (sealed.length > 0) store.putMirroredPayloads(origin, [], sealed)
  }
}

function onlyOnPaper(rows: readonly StoredEpochKey[], { paper, ring }: PaperKeys): StoredEpochKey[] {
  return rows.filter(
    ({ recipient, epoch, log }) =>
      equalBytes(recipient, paper.publicKey) && ring.rowsFor(rows, { epoch, log }).length === 0,
  )
}

async function sealedAgain(
  subject: Uint8Array,
  { epoch, log, sealed }: StoredEpochKey,
  { paper, ring, senders }: PaperKeys,
): Promise<NewEpochKey | null> {
  const { now } = ring
  for (const sender of senders) {
    const key = await openEpochKey(sealed, paper, { subject, epoch, sender }).catch(nullIfSealed)
    if (key === null) continue
    const again = await sealEpochKey(key, now.publicKey, { subject, epoch, sender: now })
    wipe(key)
    return { subject, epoch, log, recipient: now.publicKey, sealed: again }
  }
  return null
}

function nullIfSealed(error: unknown): null {
  if (error instanceof EnvelopeError) return null
  throw error
}
