/**
 * The site's sharing keys: the one that everything new is sealed to, and those before it, under which older records lie.
 *
 * @remarks
 * Which of them is in force is what the proven log says. A new key replaces the one before when a machine leaves the
 * clinic, or when IT asks for it; earlier ones are kept, because nothing is sealed anew by that. Order of a change, and
 * what a crash means after each step:
 * 1. the new private half waits beside the one in use: nothing has changed, the next proposal lists the same one;
 * 2. a roster that lists its public half is recorded: the next start finds which is in force;
 * 3. the one before joins the earlier ones, then the new one takes its place, then nothing waits any more.
 * Proven by `tests/main/core/vault/sharing-ring.test.ts`.
 *
 * @packageDocumentation
 */
import { concatBytes, equalBytes } from '../../../shared/bytes.ts'
import { assert } from '../../../shared/errors.ts'
import { KeystoreError } from '../../keystore/errors.ts'
import { wipe } from '../../keystore/sodium.ts'
import type { Secrets } from '../../keystore/secrets.ts'
import type { StoredEpochKey } from '../../store/store.ts'
import { generateSharingKeyPair, openEpochKey, sharingPublicKeyOf, type SharingKeyPair } from '../epoch-keys.ts'
import { ApiFailure } from '../failure.ts'
import { SECRETS } from './genesis.ts'
import { type KeyPlace, keyRow } from './key-rows.ts'

/** Secret that holds the private halves of earlier keys, the newest first, 32 bytes each. */
const EARLIER = 'sharing-earlier'
const NEXT = `${SECRETS.sharing}.next`
const SIZE = 32
const NONE = new Uint8Array(0)

/** Earlier keys that a site can have: what a machine that joins is given must fit in one message. */
export const MAX_EARLIER = 100

/** A row of the database that the site can try to open, and the keys that it is sealed to. */
export interface SealedRow {
  readonly row: StoredEpochKey
  readonly pair: SharingKeyPair
}

/** See the module's comment. */
export class SharingRing {
  /** The one in use first, then the newest. */
  #pairs: readonly SharingKeyPair[]

  /** @param pairs - The one in use first, one at least. */
  constructor(pairs: readonly SharingKeyPair[]) {
    assert(pairs.length > 0, 'a site has a sharing key')
    this.#pairs = pairs
  }

  /**
   * The ring of an open keystore.
   *
   * @throws KeystoreError `KEYSTORE_DAMAGED`.
   */
  static read(secrets: Pick<Secrets, 'get'>): SharingRing {
    return new SharingRing(pairsIn(secrets))
  }

  /** What everything new is sealed to, and by. */
  get now(): SharingKeyPair {
    const [now] = this.#pairs
    assert(now !== undefined, 'a site has a sharing key')
    return now
  }

  /** The one in use first, then the newest. */
  get all(): readonly SharingKeyPair[] {
    return this.#pairs
  }

  /** The pair of a public key, or null when this node was never given it. */
  of(publicKey: Uint8Array): SharingKeyPair | null {
    return this.#pairs.find((pair) => equalBytes(pair.publicKey, publicKey)) ?? null
  }

  /** Looks again, after the keystore changed. */
  reload(secrets: Pick<Secrets, 'get'>): void {
    this.#pairs = pairsIn(secrets)
  }

  /** Rows for a place that are sealed to the site, the newest key first. */
  rowsFor(rows: readonly StoredEpochKey[], place: Omit<KeyPlace, 'recipient'>): SealedRow[] {
    return this.#pairs.flatMap((pair) => {
      const row = keyRow(rows, { ...place, recipient: pair.publicKey })
      return row === undefined ? [] : [{ row, pair }]
    })
  }
}

/**
 * The key of an epoch of this site: sealed to one of its keys, and by the holder of the same.
 *
 * @throws EnvelopeError `NOT_AUTHENTIC`.
 */
export function openSealedRow({ row, pair }: SealedRow, subject: Uint8Array): Promise<Uint8Array> {
  return openEpochKey(row.sealed, pair, { subject, epoch: row.epoch, sender: pair.publicKey })
}

/**
 * Keeps a new key beside the one in use, or the one that waits there already: the roster that lists that may still come into
 * force. One that was in force once, which a backup can bring back, is never listed again: who has left since may know it.
 * Durable when the promise resolves.
 *
 * @param listed - Every key that a roster ever listed for the site, 32 bytes each. From the proven log.
 * @returns Its public half, 32 bytes.
 * @throws ApiFailure `BAD_PROPOSAL` when no more can be kept.
 */
export async function keepNextSharing(secrets: Secrets, listed: readonly Uint8Array[]): Promise<Uint8Array> {
  if (earlierIn(secrets).length >= MAX_EARLIER) throw new ApiFailure('BAD_PROPOSAL', { detail: 'TOO_MANY_KEYS' })
  const waiting = waitingIn(secrets)
  if (waiting !== null) {
    const publicKey = sharingPublicKeyOf(waiting)
    if (!listed.some((key) => equalBytes(key, publicKey))) return publicKey
    await keepEarlier(secrets, [waiting])
  }
  const { publicKey, privateKey } = await generateSharingKeyPair()
  await secrets.put(NEXT, privateKey)
  wipe(privateKey)
  return publicKey
}

/**
 * Puts the key that is in force in its place, if it is here.
 *
 * @param inForce - X25519, 32 bytes. From the proven log.
 */
export async function settleSharing(secrets: Secrets, inForce: Uint8Array): Promise<void> {
  const isInForce = (key: Uint8Array): boolean => equalBytes(sharingPublicKeyOf(key), inForce)
  const [main, waiting] = [mainIn(secrets), waitingIn(secrets)]
  if (!isInForce(main)) {
    const found = [...(waiting === null ? [] : [waiting]), ...earlierIn(secrets)].find(isInForce)
    if (found === undefined) return
    await keepEarlier(secrets, [main])
    await secrets.put(SECRETS.sharing, found)
  }
  if (waiting !== null && isInForce(waiting)) await secrets.put(NEXT, NONE)
}

/** True when the private half of a key is here: in use, waiting, or an earlier one. */
export function holdsSharing(secrets: Pick<Secrets, 'get'>, publicKey: Uint8Array): boolean {
  const waiting = waitingIn(secrets)
  return [mainIn(secrets), ...(waiting === null ? [] : [waiting]), ...earlierIn(secrets)].some((key) =>
    equalBytes(sharingPublicKeyOf(key), publicKey),
  )
}

/** The private halves of earlier keys, one after the other, for a machine of the clinic that is let in. */
export function earlierSharing(secrets: Pick<Secrets, 'get'>): Uint8Array {
  return concatBytes(...earlierIn(secrets))
}

/**
 * Takes what another machine of the clinic gave this one. Which key is in force is for {@link settleSharing}.
 *
 * @param newest - Private half of its key in use.
 * @param earlier - As {@link earlierSharing} gives them. 32 bytes each.
 */
export async function takeSharing(secrets: Secrets, newest: Uint8Array, earlier: Uint8Array): Promise<void> {
  await keepEarlier(secrets, split(earlier))
  if (secrets.get(SECRETS.sharing) === null) await secrets.put(SECRETS.sharing, newest)
  else if (!equalBytes(mainIn(secrets), newest)) await secrets.put(NEXT, newest)
}

/** Adds keys in front of the earlier ones. What is in use may be among them for a moment. */
async function keepEarlier(secrets: Secrets, more: readonly Uint8Array[]): Promise<void> {
  const known = earlierIn(secrets)
  const fresh = more.filter((key) => known.every((other) => !equalBytes(other, key)))
  if (fresh.length > 0) await secrets.put(EARLIER, concatBytes(...fresh, ...known))
}

function pairsIn(secrets: Pick<Secrets, 'get'>): SharingKeyPair[] {
  const main = mainIn(secrets)
  const earlier = earlierIn(secrets).filter((key) => !equalBytes(key, main))
  return [main, ...earlier].map((privateKey) => ({ publicKey: sharingPublicKeyOf(privateKey), privateKey }))
}

function mainIn(secrets: Pick<Secrets, 'get'>): Uint8Array {
  const main = secrets.get(SECRETS.sharing)
  if (main?.length !== SIZE) throw new KeystoreError('KEYSTORE_DAMAGED', 'sharing key')
  return main
}

function waitingIn(secrets: Pick<Secrets, 'get'>): Uint8Array | null {
  const waiting = secrets.get(NEXT)
  return waiting?.length === SIZE ? waiting : null
}

function earlierIn(secrets: Pick<Secrets, 'get'>): Uint8Array[] {
  return split(secrets.get(EARLIER) ?? NONE)
}

function split(keys: Uint8Array): Uint8Array[] {
  if (keys.length % SIZE !== 0) throw new KeystoreError('KEYSTORE_DAMAGED', 'earlier sharing keys')
  return Array.from({ length: keys.length / SIZE }, (_, i) => keys.slice(i * SIZE, (i + 1) * SIZE))
}
